"""feature_transform against the recipes that one writes in PyTorch; the contract is in README.md.

python benchmarks/bench_feature_transform.py [--quick] [--threads 1 2] [--out FILE]
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from common import SEED, Case, Contestant, Numbers, run
from torch.nn import functional

import equivfast as ef

Tensor = torch.Tensor


@dataclass(frozen=True)
class Setting:
    name: str
    about: str
    channels: int = 31
    height: int = 60
    width: int = 80
    k: int = 1
    m: int = 1
    nonzeros: int = 0  # of each row of mix; 0: dense
    backward: bool = False


HOG, DEEP = "31 x 60 x 80 (HOG of 640x480)", "96 x 55 x 55"
GRADIENTS = "with gradients of x, mix, bias"
SETTINGS = (
    Setting("c31-k1-dense", f"{HOG}, nearest cell"),
    Setting("c31-k4-dense", f"{HOG}, bilinear", k=4),
    Setting("c31-k1-sparse4", f"{HOG}, nearest cell, 4 non-zeros a row", nonzeros=4),
    Setting("c31-k4-sparse4", f"{HOG}, bilinear, 4 non-zeros a row", k=4, nonzeros=4),
    Setting("c31-k1-m3", f"{HOG}, nearest cell, 3 x 3 filters", m=3),
    Setting("c96-k1-dense", f"{DEEP}, nearest cell", 96, 55, 55),
    Setting("c96-k4-dense", f"{DEEP}, bilinear", 96, 55, 55, k=4),
    Setting("c256-k1-dense", "256 x 56 x 56, nearest cell", 256, 56, 56),
    Setting("c256-k1-small", "256 x 13 x 13, nearest cell", 256, 13, 13),
    Setting("c512-k1-small", "512 x 14 x 14, nearest cell", 512, 14, 14),
    Setting("c31-k1-backward", f"{HOG}, nearest cell, {GRADIENTS}", backward=True),
    Setting("c31-k4-backward", f"{HOG}, bilinear, {GRADIENTS}", k=4, backward=True),
    Setting("c96-k1-backward", f"{DEEP}, nearest cell, {GRADIENTS}", 96, 55, 55, backward=True),
    Setting("c256-k1-backward", f"256 x 56 x 56, nearest cell, {GRADIENTS}", 256, 56, 56, backward=True),
)


class Problem:
    """Seeded inputs of a setting: the field turned by 30 degrees and its channels mixed.

    Sources beyond the border are moved to it. So no source is missing, which the rivals could not express, and
    all compute the same.
    """

    def __init__(self, s: Setting, quick: bool) -> None:
        self.h, self.w = (12, 16) if quick else (s.height, s.width)
        self.s, self.c = s, s.channels
        draw = torch.Generator().manual_seed(SEED)
        self.field = torch.rand(1, self.c, self.h, self.w, generator=draw)
        self.field_last = self.field.contiguous(memory_format=torch.channels_last)
        self.mix = torch.randn(self.c, self.c, s.m, s.m, generator=draw) / self.c**0.5
        if s.nonzeros:
            self.mix *= torch.rand(self.c, self.c, generator=draw).argsort(1).lt(s.nonzeros)[:, :, None, None]
        self.bias = torch.randn(self.c, generator=draw)
        self.filters = self.mix if s.m > 1 else self.mix[:, :, 0, 0].contiguous()
        self.our_mix = self.filters.to_sparse_csr() if s.nonzeros else self.filters
        self.upstream = torch.randn(self.field.shape, generator=draw)
        for leaf in (self.field, self.field_last, self.mix, self.filters, self.bias) if s.backward else ():
            leaf.requires_grad_()
        self._sources()

    def _sources(self) -> None:
        turn = math.radians(30)
        y, x = np.mgrid[: self.h, : self.w] - np.array([(self.h - 1) / 2, (self.w - 1) / 2])[:, None, None]
        sx = (math.cos(turn) * x - math.sin(turn) * y + (self.w - 1) / 2).clip(0, self.w - 1)
        sy = (math.sin(turn) * x + math.cos(turn) * y + (self.h - 1) / 2).clip(0, self.h - 1)
        if (
            self.s.k == 1
        ):  # rounded here: grid_sample would round half a cell in float32, and so the other way
            sx, sy = np.rint(sx), np.rint(sy)
        grid = np.stack([2 * sx / (self.w - 1) - 1, 2 * sy / (self.h - 1) - 1], -1)
        self.grid = torch.from_numpy(grid.astype(np.float32))[None]
        x0, y0 = np.floor(sx).clip(0, self.w - 2), np.floor(sy).clip(0, self.h - 2)
        fx, fy = sx - x0, sy - y0
        if self.s.k == 1:
            index, weight = sy * self.w + sx, None
        else:
            corners = [
                ((dx, dy), (fx if dx else 1 - fx) * (fy if dy else 1 - fy)) for dy in (0, 1) for dx in (0, 1)
            ]
            index = np.stack([(y0 + dy) * self.w + x0 + dx for (dx, dy), _ in corners], -1)
            weight = torch.from_numpy(np.stack([share for _, share in corners], -1).astype(np.float32))
        self.index = torch.from_numpy(index.astype(np.int64))
        self.weight = weight
        self.flat_index = self.index.view(-1) if weight is None else self.index.view(-1, 4)
        self.flat_weight = None if weight is None else weight.view(-1, 4)

    def ours(self, field: Tensor) -> Tensor:
        result: Tensor = ef.feature_transform(field, self.index, self.our_mix, self.weight, self.bias)
        return result

    # The rivals. "rows": cells x channels, channels last in memory; else channels x cells.

    def gathered_rows(self) -> Tensor:
        rows = self.field_last.permute(0, 2, 3, 1).reshape(-1, self.c)
        if self.flat_weight is None:
            return rows.index_select(0, self.flat_index)
        return functional.embedding_bag(
            self.flat_index, rows, mode="sum", per_sample_weights=self.flat_weight
        )

    def gathered_planes(self) -> Tensor:
        return self.field.view(self.c, -1).index_select(1, self.flat_index)

    def sampled(self, field: Tensor) -> Tensor:
        mode = "nearest" if self.flat_weight is None else "bilinear"
        return functional.grid_sample(field, self.grid, mode, padding_mode="border", align_corners=True)

    def rows_mm(self) -> Tensor:
        return torch.addmm(self.bias, self.gathered_rows(), self.filters.t())

    def planes_mm(self) -> Tensor:
        return torch.addmm(self.bias[:, None], self.filters, self.gathered_planes())

    def planes_sparse(self) -> Tensor:
        planes = (
            self.gathered_planes() if self.flat_weight is None else self.sampled(self.field).view(self.c, -1)
        )
        return (self.our_mix @ planes).add_(self.bias[:, None])

    def rows_conv(self) -> Tensor:
        x = self.gathered_rows().view(1, self.h, self.w, self.c).permute(0, 3, 1, 2)
        return functional.conv2d(x, self.mix, self.bias, padding=self.s.m // 2)

    def planes_conv(self) -> Tensor:
        x = self.gathered_planes().view(1, self.c, self.h, self.w)
        return functional.conv2d(x, self.mix, self.bias, padding=self.s.m // 2)

    def sample_conv(self, field: Tensor) -> Tensor:
        return functional.conv2d(self.sampled(field), self.mix, self.bias, padding=self.s.m // 2)


def contestant(
    p: Problem, name: str, call: Callable[[], Tensor], field: Tensor, mix: Tensor, ours: bool = False
) -> Contestant:
    shape = p.field.shape

    def planes(out: Tensor) -> Tensor:
        if out.shape == shape:
            return out
        return (out if len(out) == p.c else out.t()).reshape(shape)

    if not p.s.backward:
        return Contestant(name, call, ours, view=planes)
    leaves = (field, mix, p.bias)

    def both() -> Numbers:
        out = call()
        # The gradient that arrives has the form of the result, as it would in a network.
        upstream = p.upstream.view(p.c, -1) if out.ndim == 2 else p.upstream
        upstream = upstream.t() if out.shape != upstream.shape else upstream
        return (out, *torch.autograd.grad(out, leaves, upstream))

    def view(result: Numbers) -> Numbers:
        out, field_grad, mix_grad, bias_grad = result
        return planes(out), field_grad, mix_grad.reshape(p.filters.shape), bias_grad

    return Contestant(name, both, ours, view=view)


def contestants(p: Problem) -> list[Contestant]:
    first, last, mix, filters = p.field, p.field_last, p.mix, p.filters
    gather = "index_select" if p.s.k == 1 else "embedding_bag"
    found = [
        contestant(p, "equivfast", lambda: p.ours(first), first, filters, ours=True),
        contestant(p, "equivfast, channels last", lambda: p.ours(last), last, filters, ours=True),
        contestant(p, "grid_sample + conv2d", lambda: p.sample_conv(first), first, mix),
        contestant(p, "grid_sample + conv2d, channels last", lambda: p.sample_conv(last), last, mix),
    ]
    if p.s.m > 1:
        found.append(contestant(p, f"{gather} + conv2d", p.planes_conv, first, mix))
        found.append(contestant(p, f"{gather} + conv2d, channels last", p.rows_conv, last, mix))
        return found
    found.append(contestant(p, f"{gather} + addmm, channels last", p.rows_mm, last, filters))
    if p.s.k == 1:
        found.append(contestant(p, f"{gather} + addmm", p.planes_mm, first, filters))
    if p.s.nonzeros:
        moved = "index_select" if p.s.k == 1 else "grid_sample"
        found.append(contestant(p, f"{moved} + sparse @", p.planes_sparse, first, filters))
    return found


def cases(quick: bool, threads: int) -> Iterator[Case]:
    for s in SETTINGS:
        p = Problem(s, quick)
        cells = p.h * p.w
        products = s.nonzeros * s.channels if s.nonzeros else p.mix.numel()
        passes = 3 if s.backward else 1
        # Once through the field in and out; backward the same for its gradients.
        traffic = 2 * p.field.nbytes * (2 if s.backward else 1)
        yield Case(
            s.name, s.about, 2 * products * cells * passes / 1e9, "Gflop", traffic, "copy", contestants(p)
        )


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
    run("feature_transform", __doc__.splitlines()[0], cases, {"torch": torch.__version__})
