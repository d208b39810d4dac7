"""The best pose of every window, by PyTorch operations: convolution, matrix product, transform, low rank."""

from __future__ import annotations

import importlib
import os
import shutil
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Map = tuple[Tensor, Tensor]  # score and pose of every window, (n, H', W')
Best = tuple[Tensor, Tensor, Tensor, Tensor]  # score, pose, y, x of the best of every image, (n, k)


class Search(ABC):
    """A way to the best poses; a subclass gives all scores or goes its own way."""

    @abstractmethod
    def map(self, field: Tensor) -> Map:
        """The best pose of every window."""

    def prepared(self, field: Tensor) -> Tensor:
        """The field in the memory layout that suits."""
        return field

    def top(self, field: Tensor) -> Best:
        """By way of the map; faster than sorting its scores where no pose has to be read twice."""
        return _best(*self.map(field))

    def peaks(self, field: Tensor, count: int, radius: int) -> Best:
        """Non-maximum suppression of one image: another pose of a window is within the radius of its best one."""
        score, pose = (t[0].numpy() for t in self.map(field))
        left, found = score.copy(), []
        for _ in range(count):
            y, x = divmod(int(left.argmax()), left.shape[1])
            found.append((y, x))
            left[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1] = -torch.inf
        ys, xs = torch.tensor(found).T
        at = (ys.numpy(), xs.numpy())
        return torch.from_numpy(score[at])[None], torch.from_numpy(pose[at])[None], ys[None], xs[None]


def _best(score: Tensor, pose: Tensor) -> Best:
    top, at = score.flatten(1).max(1, keepdim=True)
    return top, pose.flatten(1).gather(1, at), at // score.shape[2], at % score.shape[2]


class Convolution(Search):
    """conv2d with the bank as its filters, in either memory layout."""

    def __init__(self, templates: Tensor, bias: Tensor, layout: torch.memory_format) -> None:
        self.templates, self.bias, self.layout = templates.contiguous(memory_format=layout), bias, layout

    def prepared(self, field: Tensor) -> Tensor:
        return field.contiguous(memory_format=self.layout)

    def map(self, field: Tensor) -> Map:
        score, pose = functional.conv2d(field, self.templates, self.bias).max(1)
        return score, pose

    def top(self, field: Tensor) -> Best:
        scores = functional.conv2d(field, self.templates, self.bias)
        g, h, w = scores.shape[1:]
        if scores.is_contiguous():
            top, at = scores.flatten(1).max(1, keepdim=True)
            return top, at // (h * w), at // w % h, at % w
        top, at = scores.permute(0, 2, 3, 1).flatten(1).max(1, keepdim=True)
        return top, at % g, at // g // w, at // g % w


class Compiled(Convolution):
    """The same through torch.compile."""

    def __init__(self, templates: Tensor, bias: Tensor, layout: torch.memory_format) -> None:
        super().__init__(templates, bias, layout)
        self.map = compiled(super().map)  # type: ignore[method-assign]
        self.top = compiled(super().top)  # type: ignore[method-assign]


class Unfolded(Search):
    """All windows side by side, one matrix product."""

    def __init__(self, templates: Tensor, bias: Tensor) -> None:
        self.size, self.rows, self.bias = templates.shape[2:], templates.flatten(1), bias[:, None]

    def map(self, field: Tensor) -> Map:
        h, w = (a - b + 1 for a, b in zip(field.shape[2:], self.size, strict=True))
        windows = functional.unfold(field, self.size)
        score, pose = zip(*(torch.addmm(self.bias, self.rows, one).max(0) for one in windows), strict=True)
        return torch.stack(score).unflatten(1, (h, w)), torch.stack(pose).unflatten(1, (h, w))


class Transform(Search):
    """Overlap-save: tiles of the field by the cached spectrum of the bank, some poses at a time.

    Poses stay last in memory from the product to the maximum, and rows that no window needs leave between the two steps
    of the inverse: of twelve ways (poses last or first, three or four real products, one step or two) the fastest.
    """

    def __init__(self, templates: Tensor, bias: Tensor, tile: int) -> None:
        self.tile, self.kernel = tile, templates.shape[2:]
        self.valid = [tile - k + 1 for k in self.kernel]
        chunk = 96 if tile == 16 else 360
        spectrum = torch.fft.rfft2(templates, s=(tile, tile)).conj()  # (g, c, ky, kx)
        by_frequency = spectrum.permute(2, 3, 1, 0).flatten(0, 1).resolve_conj()
        self.chunks = [part.contiguous() for part in by_frequency.split(chunk, 2)]
        self.biases = bias.split(chunk)

    def map(self, field: Tensor) -> Map:
        n, _, h, w = field.shape
        rows, columns = (a - k + 1 for a, k in zip((h, w), self.kernel, strict=True))
        step_y, step_x = self.valid
        down, across = -(-rows // step_y), -(-columns // step_x)
        right, below = (across - 1) * step_x + self.tile - w, (down - 1) * step_y + self.tile - h
        tiles = functional.pad(field, (0, right, 0, below)).unfold(2, self.tile, step_y)
        tiles = tiles.unfold(3, self.tile, step_x).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        spectrum = torch.fft.rfft2(tiles).permute(2, 3, 0, 1).flatten(0, 1).contiguous()
        best, at = self._scores(spectrum, 0).max(3)
        for k in range(1, len(self.chunks)):
            score, pose = self._scores(spectrum, k).max(3)
            at = torch.where(score > best, pose + k * self.chunks[0].shape[2], at)
            best = torch.maximum(score, best)
        whole = (t.unflatten(2, (n, down, across)).permute(2, 3, 0, 4, 1) for t in (best, at))
        score, pose = (t.flatten(3, 4).flatten(1, 2)[:, :rows, :columns] for t in whole)
        return score, pose

    def _scores(self, spectrum: Tensor, k: int) -> Tensor:
        """(y, x, tiles, poses)"""
        product = torch.bmm(spectrum, self.chunks[k]).unflatten(0, (self.tile, -1))
        rows = torch.fft.ifft(product, dim=0)[: self.valid[0]]
        return torch.fft.irfft(rows, n=self.tile, dim=1)[:, : self.valid[1]].add_(self.biases[k])


class LowRank(Search):
    """conv2d with a basis of the bank and a product with its coefficients: not the same numbers."""

    def __init__(self, templates: Tensor, bias: Tensor, rank: int) -> None:
        flat = templates.flatten(1)
        left, values, right = torch.linalg.svd(flat, full_matrices=False)
        self.rank, self.bias = rank, bias[:, None]
        self.residual = float(values[rank:].square().sum().sqrt() / values.norm())
        self.mix = (left[:, :rank] * values[:rank]).contiguous()
        self.rows = right[:rank].contiguous()
        self.basis = self.rows.view(len(self.rows), *templates.shape[1:])

    def map(self, field: Tensor) -> Map:
        parts = functional.conv2d(field, self.basis)
        score, pose = zip(
            *(torch.addmm(self.bias, self.mix, one.flatten(1)).max(0) for one in parts), strict=True
        )
        size = parts.shape[2:]
        return torch.stack(score).unflatten(1, size), torch.stack(pose).unflatten(1, size)


class Windows:
    """Windows of the templates' own size (n, c, kh, kw): one matrix product, then the largest of each row."""

    def __init__(self, templates: Tensor, bias: Tensor) -> None:
        self.columns, self.rows, self.bias = templates.flatten(1).T.contiguous(), templates.flatten(1), bias

    def by_rows(self, windows: Tensor) -> Map:
        score, pose = torch.addmm(self.bias, windows.flatten(1), self.columns).max(1)
        return score, pose

    def by_poses(self, windows: Tensor) -> Map:
        score, pose = torch.addmm(self.bias[:, None], self.rows, windows.flatten(1).T).max(0)
        return score, pose

    def compiled(self) -> Any:
        return compiled(self.by_rows)

    def low_rank(self, basis: LowRank) -> Any:
        return lambda windows: torch.addmm(self.bias, (windows.flatten(1) @ basis.rows.T), basis.mix.T).max(1)


def compiled(call: Any) -> Any:
    """In torch.compile's default mode; for the number of threads that torch has now, so nothing comes from a cache."""
    torch.compiler.reset()
    importlib.import_module("torch._inductor.config").force_disable_caches = True
    return torch.compile(call, dynamic=False)


def compiler() -> str | None:
    """What torch.compile would build with; None where there is nothing."""
    return shutil.which(os.environ.get("CXX", "g++"))
