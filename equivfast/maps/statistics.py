"""Statistics: all that a linear map needs to know of its training pairs, streamed in one pass."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from equivfast.groups import Grid, Transform
from equivfast.maps import _check
from equivfast.maps.layout import BLOCK_BYTES, Piece, SharedLayout, WindowLayout, by_size
from equivfast.maps.moments import Moments
from equivfast.maps.problem import Problem

# Regressions taken from larger ones are kept for the next map of their support up to so many bytes of sums.
_LATEST = 1 << 28


class Statistics:
    """Sums over pairs of fields (x, y), y the field of the transformed image, from which any map is solved.

    Shapes     update(x (n, c, H, W), y (n, d, H', W')) on the grids `source` and `target`; torch or NumPy
    Definition float64 count, means, and centred sums x x^T, x y^T and y^2 (docs/maths.md). kind "window": every
               target cell has its own regression over its `support`, the m x m source cells around the
               back-projected cell, or all of them (None). kind "shared": one regression for all cells over the
               m x m cells of the moved field; its rows are the (image, target cell) pairs whose taps all lie
               inside the source array, and inside `valid` (H', W') bool where given.
    Cost       memory `nbytes`, whatever the number of images: at most 8 (p^2 + p q) bytes for a regression of p
               inputs and q outputs (fewer rows than inputs are kept as they are, and summed when asked for),
               plus the sums of the map solved last and at most 64 MB (or one image) of rows that wait. A
               window's regressions share one table over all the cells they use where that is smaller than one
               table each. n images cost 2 n (p^2 + p q) operations.
    Symmetry   the sums do not depend on how the stream is cut into batches; `a + b` are the sums of both.
    Raises     ValueError for wrong shapes, supports and kinds, NaN or infinite features.

    >>> import numpy as np
    >>> from equivfast.groups import Grid, hflip
    >>> grid = Grid.centred(3, 3, stride=8)
    >>> s = Statistics(hflip(), grid, grid, channels=(2, 2), kind="shared", support=1)
    >>> s.update(np.ones((5, 2, 3, 3)), np.ones((5, 2, 3, 3))).count
    45
    """

    def __init__(
        self,
        g: Transform,
        source: Grid,
        target: Grid,
        channels: tuple[int, int],
        *,
        kind: str = "shared",
        support: int | None = 3,
        interpolation: str = "nearest",
        valid: ArrayLike | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        _check.kind("Statistics", kind)
        _check.support("Statistics", kind, support)
        self.g, self.source, self.target = g, source, target
        self.channels = _check.channels("Statistics", channels)
        self.kind, self.support, self.interpolation = kind, support, interpolation
        self.device = torch.device(device)
        self.images = self._rows = 0
        self._layout: WindowLayout | SharedLayout
        if support is None or kind == "window":
            if valid is not None:
                raise ValueError(
                    "Statistics: valid must be None for kind 'window' (crop the target grid), got a mask"
                )
            self._layout = WindowLayout(g, source, target, self.channels, support)
        else:
            mask = None if valid is None else _check.mask("Statistics", "valid", valid, target)
            self._layout = SharedLayout(g, source, target, self.channels, support, interpolation, mask)
        self._moments = [
            Moments.zeros(columns.shape[1], rows.shape[1], self.device, (len(columns),))
            for columns, rows in self._layout.stored
        ]
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._latest: tuple[int | None, list[Problem]] | None = None

    @classmethod
    def of(
        cls,
        g: Transform,
        grid: Grid,
        moments: Moments,
        *,
        support: int,
        interpolation: str = "nearest",
        images: int = 0,
    ) -> Statistics:
        """Statistics of kind "shared" on one grid whose moments were collected elsewhere, by `Survey`."""
        c, d = moments.inputs // support**2, moments.outputs
        made = cls(g, grid, grid, (c, d), support=support, interpolation=interpolation, device=moments.device)
        made._moments, made._rows, made.images = [moments], moments.count, images
        return made

    def update(self, x: Any, y: Any) -> Statistics:
        """Add pairs of fields; returns the statistics themselves."""
        fields = []
        for name, value, d, grid in (("x", x, 0, self.source), ("y", y, 1, self.target)):
            field = _check.field("Statistics.update", name, value, self.channels[d], grid)
            if not bool(field.isfinite().all()):
                raise ValueError(f"Statistics.update: {name} must be finite, got NaN or infinity")
            # Copied: what waits must not change when the caller fills the same array again.
            fields.append(field.detach().to(self.device, torch.float64, copy=True))
        n, pairs = len(fields[0]), len(fields[1])
        if n != pairs:
            raise ValueError(f"Statistics.update: x and y must hold as many images, got {n} and {pairs}")
        self.images += n
        self._rows += n * self._layout.rows_per_image
        self._waiting.append((fields[0], fields[1]))
        if sum(len(field) for field, _ in self._waiting) >= self._batch:
            x, y = self._take_waiting()
            whole = len(x) - len(x) % self._batch
            for start in range(0, whole, self._batch):
                self._add(x[start : start + self._batch], y[start : start + self._batch])
            # Cloned: a view would keep the whole batch in memory.
            self._waiting = [(x[whole:].clone(), y[whole:].clone())]
        return self

    @property
    def count(self) -> int:
        """Rows of each regression: images (window) or usable (image, target cell) pairs (shared)."""
        return self._rows

    @property
    def nbytes(self) -> int:
        """Bytes of the sums, without the rows that wait."""
        return sum(moments.nbytes for moments in self._moments)

    def problems(self, support: int | None = None) -> Iterator[Problem]:
        """The regressions of a map of this support, one by one; arguments and errors are those of `batches`."""
        for problem in self.batches(support):
            for i in range(len(problem)):
                yield problem.part(i)

    def batches(self, support: int | None = None) -> Iterator[Problem]:
        """The regressions of a map of this support, None: of the statistics' own; a smaller one is a part of it.

        Those of one size stand side by side.

        Raises     ValueError for a support larger than the statistics'.
        """
        support = self._checked(support)
        # Several maps of one support are often solved one after the other: their sums are the same.
        if self._latest is None or self._latest[0] != support:
            found = [Problem(*size) for size in self._divided(support, self._layout.pieces(support))]
            self._latest = (support, found) if sum(p.nbytes for p in found) <= _LATEST else None
        else:
            found = self._latest[1]
        for problem in found:
            yield from problem.parts()

    def sample(self, count: int, support: int | None = None) -> Iterator[Problem]:
        """At most `count` of the regressions, one by one, evenly spread over the target cells.

        Statistics of one layout give the same ones, in one order. Arguments and errors are those of `batches`.
        """
        support = self._checked(support)
        pieces = self._layout.pieces(support)
        places = np.unique(np.linspace(0, len(pieces) - 1, min(len(pieces), count)).round().astype(int))
        for size in self._divided(support, [pieces[k] for k in places]):
            problem = Problem(*size)
            for i in range(len(problem)):
                yield problem.part(i)

    def _checked(self, support: int | None) -> int | None:
        support = self.support if support is None else support
        _check.support("Statistics.problems", self.kind, support)
        if self.support is not None and support is not None and support > self.support:
            raise ValueError(f"Statistics.problems: support must be at most {self.support}, got {support}")
        if self._waiting:
            self._add(*self._take_waiting())
        return support

    def _divided(
        self, support: int | None, pieces: Sequence[Piece]
    ) -> Iterator[tuple[Tensor, Tensor, Moments]]:
        """Columns, rows and moments of regressions of this support, taken from the stored ones."""
        stored = self._layout.stored
        if support == self.support and sum(len(columns) for columns, _ in stored) == len(pieces):
            for (columns, rows), moments in zip(stored, self._moments, strict=True):
                yield self._layout.numbers(columns, support), rows, moments
            return
        for i, (inputs, outputs) in enumerate(stored):
            owner = {int(row): k for k, own in enumerate(outputs.tolist()) for row in own}
            mine: list[Piece] = []
            of: dict[tuple[int, int], list[int]] = {}
            for columns, rows in pieces:
                owners = torch.tensor([owner.get(int(row), -1) for row in rows])
                for k in owners[owners >= 0].unique().tolist():
                    mine.append((columns, rows[owners == k]))
                    of.setdefault((len(columns), len(mine[-1][1])), []).append(k)
            for (columns, rows), numbers in zip(by_size(mine), of.values(), strict=True):
                k = torch.tensor(numbers)
                at = torch.searchsorted(inputs[k], columns), torch.searchsorted(outputs[k], rows)
                moments = self._moments[i].select(*(part.to(self.device) for part in (*at, k)))
                yield self._layout.numbers(columns, support), rows, moments

    def __add__(self, other: Statistics) -> Statistics:
        """The statistics of both streams: same g and layout; for kind "shared" the grids' sizes may differ."""
        if not isinstance(other, Statistics):
            return NotImplemented
        names = ["g", "kind", "channels", "support", "interpolation"]
        for name in names + (["source", "target"] if self.kind == "window" else []):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(
                    f"Statistics: both must have the same {name} to be added, got {mine} and {theirs}"
                )
        if self.source.stride != other.source.stride or self.target.stride != other.target.stride:
            raise ValueError(
                f"Statistics: both must have the same strides to be added, got {self.source.stride}, "
                f"{self.target.stride} and {other.source.stride}, {other.target.stride}"
            )
        for part in (self, other):
            if part._waiting:
                part._add(*part._take_waiting())
        total = copy.copy(self)
        total._latest = None
        total._waiting, total.images, total._rows = [], self.images + other.images, self._rows + other._rows
        total._moments = [a.merged(b) for a, b in zip(self._moments, other._moments, strict=True)]
        return total

    @property
    def _batch(self) -> int:
        """Images that are multiplied together: always the same cut, however the stream comes."""
        row = max(columns.numel() + rows.numel() for columns, rows in self._layout.stored)
        fields = zip(self.channels, (self.source, self.target), strict=True)
        numbers = max(
            row * self._layout.rows_per_image, sum(d * grid.height * grid.width for d, grid in fields)
        )
        return max(1, BLOCK_BYTES // (8 * numbers))

    def _take_waiting(self) -> tuple[Tensor, Tensor]:
        waiting, self._waiting = self._waiting, []
        return torch.cat([x for x, _ in waiting]), torch.cat([y for _, y in waiting])

    def _add(self, x: Tensor, y: Tensor) -> None:
        self._latest = None
        for i, rows_x, rows_y in self._layout.blocks(x, y):
            self._moments[i].update(rows_x, rows_y)
