"""Which input numbers predict which output numbers: the rows and columns of a map's regressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, Transform, grid_action, neighbourhood

# Rows that are gathered at once, in bytes.
BLOCK_BYTES = 1 << 26

Piece = tuple[Tensor, Tensor]  # the inputs (p,) and the outputs (q,) of one regression, ascending
Pieces = tuple[Tensor, Tensor]  # inputs (b, p) and outputs (b, q) of b regressions of one size


def by_size(pieces: Sequence[Piece]) -> list[Pieces]:
    """The regressions with those of one size side by side, in the order in which the sizes appear."""
    sizes: dict[tuple[int, int], list[Piece]] = {}
    for columns, rows in pieces:
        sizes.setdefault((len(columns), len(rows)), []).append((columns, rows))
    return [
        (torch.stack([columns for columns, _ in alike]), torch.stack([rows for _, rows in alike]))
        for alike in sizes.values()
    ]


class WindowLayout:
    """One regression for each target cell over its support; inputs are positions in the flat (c, H, W) field.

    Target cells that look at the same source cells stand in one regression. `stored` are the regressions whose sums
    are kept, those of one size side by side: one over all cells that any target cell looks at, or those of the
    supports, whichever is smaller.
    """

    rows_per_image = 1

    def __init__(
        self, g: Transform, source: Grid, target: Grid, channels: tuple[int, int], support: int | None
    ) -> None:
        self.g, self.source, self.target, self.channels, self.support = g, source, target, channels, support
        pieces = self.pieces(support)
        inputs = torch.unique(torch.cat([columns for columns, _ in pieces]))
        outputs = torch.arange(channels[1] * target.height * target.width)
        apart = sum(len(p) * (len(p) + len(q)) for p, q in pieces)
        whole = len(inputs) * (len(inputs) + len(outputs))
        self.stored = by_size(pieces if apart < whole else [(inputs, outputs)])

    def pieces(self, support: int | None) -> list[Piece]:
        """The regressions of a map with this support."""
        c, d = self.channels
        sources, targets = self.source.height * self.source.width, self.target.height * self.target.width
        if support is None:
            return [(torch.arange(c * sources), torch.arange(d * targets))]
        near = neighbourhood(self.g, self.source, self.target, support).reshape(targets, -1)
        groups: dict[tuple[int, ...], list[int]] = {}
        for cell, seen in enumerate(near.tolist()):
            groups.setdefault(tuple(s for s in seen if s >= 0), []).append(cell)
        return [(_spread(cells, c, sources), _spread(out, d, targets)) for cells, out in groups.items()]

    def numbers(self, columns: Tensor, support: int | None) -> Tensor:
        """Columns of the map's matrix that `columns` of the sums stand for."""
        return columns

    def blocks(self, x: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(number of the stored regressions, their rows of inputs, of outputs) of a batch of fields."""
        # One feature after the other, so that picking features copies whole stretches of memory.
        x, y = (field.flatten(1).T.contiguous() for field in (x, y))
        for i, (columns, rows) in enumerate(self.stored):
            yield i, x[columns.to(x.device)].mT, y[rows.to(y.device)].mT


class SharedLayout:
    """One regression for all target cells; inputs are the (c, m, m) taps on the moved field.

    Tap (a, b) of target cell (i, j) reads what the grid action puts at (i + a - m//2, j + b - m//2), also where that
    lies beyond the target array. A cell is used when all its taps lie inside the source array and `valid` agrees.
    """

    def __init__(
        self,
        g: Transform,
        source: Grid,
        target: Grid,
        channels: tuple[int, int],
        support: int,
        interpolation: str,
        valid: NDArray[np.bool_] | None,
    ) -> None:
        self.channels, self.support = channels, support
        step, r = target.stride, support // 2
        offset = (target.offset[0] - r * step, target.offset[1] - r * step)
        wide = Grid(target.height + 2 * r, target.width + 2 * r, step, offset)
        action = grid_action(g, source, wide, interpolation)
        row, column = np.indices((target.height, target.width)).reshape(2, -1, 1)
        tap_row, tap_column = np.indices((support, support)).reshape(2, 1, -1)
        taps = (row + tap_row) * wide.width + column + tap_column
        used = action.mask.reshape(-1)[taps].all(1)
        if valid is not None:
            used &= valid.reshape(-1)
        k = action.index.shape[-1]
        # A cell is moved once for all the taps that read it.
        moved, place = np.unique(taps[used].T, return_inverse=True)
        self.taps = torch.from_numpy(place.reshape(support * support, -1))
        # In a used cell a source outside the array has weight 0: any index will do.
        self.index = torch.from_numpy(action.index.reshape(-1, k)[moved].clip(min=0))
        self.weight = torch.from_numpy(action.weight.reshape(-1, k)[moved])
        self.cells = torch.from_numpy(np.flatnonzero(used))
        self.rows_per_image = len(self.cells)
        self.stored = by_size(self.pieces(support))

    def pieces(self, support: int | None) -> list[Piece]:
        """The regression of a map with this support, its taps the central ones."""
        m, smaller = self.support, support or 0
        edge = (m - smaller) // 2
        taps = torch.arange(self.channels[0] * m * m).reshape(-1, m, m)
        centre = taps[:, edge : edge + smaller, edge : edge + smaller]
        return [(centre.flatten().contiguous(), torch.arange(self.channels[1]))]

    def numbers(self, columns: Tensor, support: int | None) -> Tensor:
        """Columns of the map's matrix that `columns` of the sums stand for."""
        return torch.arange(columns.shape[-1]).expand_as(columns)

    def blocks(self, x: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(number of the stored regressions, their rows of inputs, of outputs) of a batch of fields."""
        # Channels in front: rows come one feature after the other, which is how they are summed.
        x, y = (field.flatten(2).transpose(0, 1).contiguous() for field in (x, y))
        index, weight, taps, cells = (
            part.to(x.device) for part in (self.index, self.weight, self.taps, self.cells)
        )
        moved = sum(x[:, :, index[:, k]] * weight[:, k] for k in range(index.shape[1]))
        assert isinstance(moved, Tensor)
        row_bytes = 8 * max(1, x.shape[1] * len(taps) * self.channels[0])
        for part in torch.arange(len(cells), device=x.device).split(max(1, BLOCK_BYTES // row_bytes)):
            rows = x.new_empty(len(x), len(taps), x.shape[1], len(part))
            for tap, places in enumerate(taps[:, part]):
                rows[:, tap] = moved[:, :, places]
            yield 0, rows.flatten(2).flatten(0, 1).T[None], y[:, :, cells[part]].flatten(1).T[None]


def _spread(cells: tuple[int, ...] | list[int], channels: int, count: int) -> Tensor:
    """Positions of `cells` in a flat (channels, count) field, channel by channel."""
    return (torch.arange(channels)[:, None] * count + torch.tensor(cells, dtype=torch.int64)).reshape(-1)
