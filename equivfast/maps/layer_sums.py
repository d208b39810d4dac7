"""Sums of one layer for several transformations at once: one array of rows, one product."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast import _core
from equivfast.groups import Grid, Transform, grid_action
from equivfast.maps.moments import Moments
from equivfast.maps.sums import Sums

# Of more channels the products alone count, and the BLAS is as good at them (1.1 times the time at 256, 1 at 384).
_KERNEL_CHANNELS = 256
# Rows that are multiplied at once, in bytes: they stay in the caches.
_BLOCK_BYTES = 1 << 23

_kept = threading.local()


class Moved:
    """Where the cells of a field come from under g, and which cells are used."""

    def __init__(self, g: Transform, grid: Grid, border_cells: int, interpolation: str) -> None:
        action = grid_action(g, grid, None, interpolation)
        inner = np.zeros((grid.height, grid.width), dtype=np.bool_)
        b = border_cells
        inner[b : grid.height - b, b : grid.width - b] = True
        self.used: NDArray[np.bool_] = action.mask & inner
        taps = action.index.shape[-1]
        self.index = torch.from_numpy(action.index.reshape(-1, taps)).clamp(min=0)
        inside = action.index.reshape(-1, taps) >= 0
        self.weight = torch.from_numpy(np.where(inside, action.weight.reshape(-1, taps), 0.0))
        self.plain = bool(taps == 1 and inside.all())
        # The same of the used cells alone, as the kernel takes them.
        of_used = np.flatnonzero(self.used)
        self.sources = self.index[of_used].contiguous()
        self.shares = None if self.plain else self.weight[of_used].float().contiguous()

    def __call__(self, field: Tensor) -> Tensor:
        """The moved cells (n, c, H W) of a field (n, c, H, W); 0 where they lie outside."""
        flat = field.flatten(2)
        if self.plain:
            return _taken(flat, self.index[:, 0])
        weight = self.weight.to(field.device, field.dtype)
        total = _taken(flat, self.index[:, 0]) * weight[:, 0]
        for k in range(1, self.index.shape[1]):
            total += _taken(flat, self.index[:, k]) * weight[:, k]
        return total


def _taken(flat: Tensor, index: Tensor) -> Tensor:
    """flat[:, :, index]; on the CPU NumPy's take, which is five times faster than torch's."""
    if flat.device.type != "cpu":
        return flat[:, :, index.to(flat.device)]
    return torch.from_numpy(flat.numpy().take(index.numpy(), 2, mode="clip"))


def _rows(shape: tuple[int, int], device: torch.device) -> Tensor:
    """An array to be filled; that of the thread's last call where it is large enough, for pages cost more than
    the copy into them."""
    need = shape[0] * shape[1]
    kept: Tensor | None = getattr(_kept, "rows", None)
    if kept is None or len(kept) < need or kept.device != device:
        kept = _kept.rows = torch.empty(need, dtype=torch.float64, device=device)
    return kept[:need].view(shape)


class GroupSums:
    """Sums over the cells that the transformations of a group have in common: y of x, and one input of each.

    float32 features are summed as they are: a float64 sum of their products loses less than their own rounding, however
    far the mean lies from 0. Of float64 features the first rows' means are subtracted first.
    """

    def __init__(
        self, moves: Sequence[Moved], grid: Grid, channels: int, support: int, device: torch.device
    ) -> None:
        self.moves, self.grid, self.support, self.channels = list(moves), grid, support, channels
        self.device, self.count = device, 0
        self.cells = torch.from_numpy(np.flatnonzero(self.moves[0].used))
        self.whole = len(self.cells) == grid.height * grid.width
        self.inputs = p = channels * support**2
        self.reference: Tensor | None = None

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        several = len(self.moves)
        self.total, self.squares = zeros(channels + several * p), zeros(channels)
        self.xx, self.xy = zeros(several, p, p), zeros(several * p, channels)

    def update(self, field: Tensor, moved: Sequence[Tensor]) -> bool:
        """Add fields (n, c, H, W) of x, and of g x for each transformation of the group; False, and the sums are of no
        use, where they are not finite."""
        if not len(self.cells):
            return True
        if self._fused(field):
            self._update(field.flatten(2).contiguous(), [other.flatten(2).contiguous() for other in moved])
            return bool(self.total.isfinite().all())
        size = max(1, _BLOCK_BYTES // (8 * len(self.total) * len(self.cells)))
        for start in range(0, len(field), size):
            part = slice(start, start + size)
            self._add(field[part], [other[part] for other in moved])
        return bool(self.total.isfinite().all())

    def _fused(self, field: Tensor) -> bool:
        few = self.support == 1 and self.channels <= _KERNEL_CHANNELS
        return few and field.dtype == torch.float32 and field.device.type == "cpu" == self.device.type

    def _update(self, field: Tensor, moved: Sequence[Tensor]) -> None:
        """csrc/ops/moments.hpp does it all: it reads float32, and what it makes of it never leaves the caches."""
        if self.reference is None:
            self.reference = torch.zeros_like(self.total)
        self.count += len(field) * len(self.cells)
        c = self.channels
        sums_x, others = self.total[c:].view(-1, c), []
        for k, (move, x) in enumerate(zip(self.moves, moved, strict=True)):
            shares = 0 if move.shares is None else move.shares.data_ptr()
            sums = sums_x[k], self.xx[k], self.xy[k * c : (k + 1) * c]
            source = move.sources.data_ptr(), shares, move.sources.shape[1]
            at = x.data_ptr(), len(x), c, *x.stride()[:2]
            others.append((*at, *source, *(part.data_ptr() for part in sums)))
        _core.moments(
            field.data_ptr(), tuple(field.shape[:2]), field.stride()[:2],
            (0 if self.whole else self.cells.data_ptr(), len(self.cells)),
            (self.total.data_ptr(), self.squares.data_ptr()), others,
        )  # fmt: skip

    def _add(self, field: Tensor, moved: Sequence[Tensor]) -> None:
        n, c, p = len(field), self.channels, self.inputs
        rows = _rows((len(self.total), n * len(self.cells)), self.device)
        rows[:c].view(c, n, -1).copy_(self._used(field.flatten(2)).transpose(0, 1))
        for k, (move, other) in enumerate(zip(self.moves, moved, strict=True)):
            self._fill(rows[c + k * p : c + (k + 1) * p], move, other)
        if self.reference is None:
            self.reference = rows.mean(1) if field.dtype == torch.float64 else torch.zeros_like(self.total)
        if field.dtype == torch.float64:
            rows -= self.reference[:, None]
        self._multiply(rows)

    def _used(self, cells: Tensor) -> Tensor:
        return cells if self.whole else _taken(cells, self.cells)

    def _fill(self, rows: Tensor, move: Moved, field: Tensor) -> None:
        """The taps (c, m, m) of the used cells of a field (n, c, H, W) as moved; taps outside are 0."""
        n, c, m = len(field), self.channels, self.support
        cells = move(field)
        if m == 1:
            rows.view(c, n, -1).copy_(self._used(cells).transpose(0, 1))
            return
        height, width, r = self.grid.height, self.grid.width, m // 2
        padded = torch.nn.functional.pad(cells.unflatten(2, (height, width)), (r, r, r, r))
        taps = rows.view(c, m, m, n, -1)
        for down in range(m):
            for along in range(m):
                view = padded[:, :, down : down + height, along : along + width]
                taps[:, down, along].copy_(self._used(view.flatten(2)).transpose(0, 1))

    def _multiply(self, rows: Tensor) -> None:
        c, p = self.channels, self.inputs
        self.count += rows.shape[1]
        self.total += rows.sum(1)
        self.squares += rows[:c].square().sum(1)
        if rows.device.type != "cpu":
            self.xy += rows[c:] @ rows[:c].T
            for k in range(len(self.moves)):
                own = rows[c + k * p : c + (k + 1) * p]
                self.xx[k] += own @ own.T
            return
        # NumPy computes half of a product of an array with its own transpose.
        a = rows.numpy()
        self.xy += torch.from_numpy(a[c:] @ a[:c].T)
        for k in range(len(self.moves)):
            mine = a[c + k * p : c + (k + 1) * p]
            self.xx[k] += torch.from_numpy(mine @ mine.T)

    def moments(self, k: int) -> Moments:
        """Of the k-th transformation, centred."""
        c, p, count = self.channels, self.inputs, self.count
        if self.reference is None:
            return Moments.zeros(p, c, self.device, (1,))
        own, mean = slice(c + k * p, c + (k + 1) * p), self.total / count
        x, y = mean[own], mean[:c]
        xx = self.xx[k] - count * torch.outer(x, x)
        xy = self.xy[own.start - c : own.stop - c] - count * torch.outer(x, y)
        yy = (self.squares - count * y.square()).clamp(min=0)
        parts = (self.reference[own] + x, self.reference[:c] + y, xx, xy, yy)
        return Moments.of(count, Sums(*(part[None] for part in parts)))

    def merged(self, other: GroupSums) -> GroupSums:
        """The sums of both; those of the other are brought to this one's reference."""
        total = copy.copy(self)
        if self.reference is None or other.reference is None:
            full = other if self.reference is None else self
            for name, part in vars(full).items():
                setattr(total, name, part.clone() if isinstance(part, Tensor) else part)
            return total
        c, p, n = self.channels, self.inputs, other.count
        shift = other.reference - self.reference
        moved = other.total + n * shift
        total.count = self.count + n
        total.total = self.total + moved
        total.squares = self.squares + other.squares + (2 * shift * other.total + n * shift.square())[:c]
        total.xy = self.xy + other.xy + _product(shift[c:], shift[:c], other.total[c:], other.total[:c], n)
        total.xx = self.xx + other.xx
        for k in range(len(self.moves)):
            own = slice(c + k * p, c + (k + 1) * p)
            total.xx[k] += _product(shift[own], shift[own], other.total[own], other.total[own], n)
        return total

    @property
    def nbytes(self) -> int:
        return sum(8 * part.numel() for part in (self.xx, self.xy, self.total, self.squares))

    @property
    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on."""
        reference = torch.zeros(0, dtype=torch.float64) if self.reference is None else self.reference
        return {
            "count": torch.tensor(self.count), "reference": reference, "total": self.total,
            "squares": self.squares, "xx": self.xx, "xy": self.xy,
        }  # fmt: skip

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state of sums of the same size; ValueError where they are not."""
        for name in ("total", "squares", "xx", "xy"):
            if state[name].shape != getattr(self, name).shape:
                raise ValueError(
                    f"{name} is {tuple(state[name].shape)}, not {tuple(getattr(self, name).shape)}"
                )
            setattr(self, name, state[name].to(self.device, torch.float64).clone())
        self.count = int(state["count"])
        self.reference = state["reference"].to(self.device) if len(state["reference"]) else None


def _product(shift_x: Tensor, shift_y: Tensor, total_x: Tensor, total_y: Tensor, count: int) -> Tensor:
    """What a product of sums gains when its rows are moved by shifts."""
    gained = torch.outer(total_x, shift_y) + torch.outer(shift_x, total_y)
    return gained + count * torch.outer(shift_x, shift_y)
