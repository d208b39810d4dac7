"""The fields that the error budget compares, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, Transform, translation, warp
from equivfast.maps import Map
from equivfast.measures._budget_call import Phi
from equivfast.measures._budget_cells import (
    Placed,
    all_seen,
    checked_grid,
    kept_pixels,
    placed,
    real_pixels,
)
from equivfast.measures._budget_moves import Missed, Move, aligned, misalignment, move
from equivfast.measures._budget_sums import Residuals, Sums, joined, picked, squared

Mask = NDArray[np.bool_]
_AT_ONCE = 32
_FEWEST = 4  # interior cells


@dataclass(frozen=True, eq=False)
class Plan:
    """What does not depend on the images: moves, and the cells that are compared."""

    g: Transform
    grid: Grid
    move: Move
    used: Mask
    inner: Mask | None
    missed: Missed
    aligned: tuple[Transform, Move] | None
    kept: Mask  # pixels that survive g and g^-1
    shift_kept: Mask
    placed: bool  # whether it is known where cells lie


def plan(
    phi: Phi,
    g: Transform,
    images: Tensor,
    m: Map | None,
    channel_action: Any,
    grid: Grid | None,
    seed: int,
    border_cells: int | None,
) -> Plan:
    """Check the arguments against one field, find what cells see, choose the cells."""
    size = (images.shape[2], images.shape[3])
    if size[0] != size[1] and g.linear[0, 0] == 0 and g.linear[1, 1] == 0:
        raise ValueError(
            f"error_budget: g must not be a quarter turn where images are not square, got {g.name} and {size}"
        )
    channels, *cells = phi(images[:1]).shape[1:]
    order = _order(channel_action, channels, m)
    _check_map(m, g, channels)
    known = getattr(phi.phi, "grid", None)
    if grid is None and callable(known):
        grid = known(*size)
    grid = None if grid is None else checked_grid("error_budget", grid, (cells[0], cells[1]))
    whole = isinstance(border_cells, int) and not isinstance(border_cells, bool)
    if border_cells is not None and (not whole or border_cells < 0):
        raise ValueError(f"error_budget: border_cells must be a number from 0, or None, got {border_cells!r}")
    where = placed(phi, images, (cells[0], cells[1]), grid, seed)
    moves = move(g, where.grid, order, m)
    if not moves.source.any():
        raise ValueError(f"error_budget: g must leave a cell inside the field, got {g.name} on {where.grid}")
    missed = misalignment(g, where.grid, moves.source, where.place or (0.0, 0.0))
    # A wider filter was learned on cells that miss, and makes that good: aligned images would be strange to it.
    comparable = missed.alike and missed.shift != (0.0, 0.0) and (m is None or m.support == 1)
    turned = None
    if comparable:
        image, cells_moved = aligned(g, missed)
        same = None if m is None else replace(m, g=cells_moved.inverse())
        turned = image, move(cells_moved, where.grid, order, same)
    return _with_cells(g, size, where, moves, missed, turned, border_cells)


def _with_cells(
    g: Transform,
    size: tuple[int, int],
    where: Placed,
    moves: Move,
    missed: Missed,
    turned: tuple[Transform, Move] | None,
    border_cells: int | None,
) -> Plan:
    kept, used, inner = kept_pixels(size, g), moves.source, None
    there, here = translation(*missed.shift), translation(-missed.shift[0], -missed.shift[1])
    shift_kept = real_pixels(size, there) & kept_pixels(size, there) & real_pixels(size, here)
    if where.reach is not None or border_cells is not None:
        inner = used & all_seen(kept & shift_kept, where, border_cells)
        for h, moved in ((g, moves), *([turned] if turned else [])):
            inner = inner & moved.reads(all_seen(real_pixels(size, h), where, border_cells))
        inner = inner if inner.sum() >= _FEWEST else None
    turned = None if inner is None else turned
    return Plan(g, where.grid, moves, used, inner, missed, turned, kept, shift_kept, where.place is not None)


def measure(phi: Phi, made: Plan, images: Tensor) -> tuple[Sums, Sums, Residuals]:
    """Sums over the cells, for every image: all used cells, those that the parts are measured on, residuals."""
    offset: Tensor | None = None
    parts = []
    for some in images.split(_AT_ONCE):
        y = phi(some)
        offset = y.mean((0, 2, 3))[:, None] if offset is None else offset
        parts.append(_batch(phi, made, some, y, offset))
    return joined(parts)


def _batch(phi: Phi, made: Plan, x: Tensor, y: Tensor, offset: Tensor) -> tuple[Sums, Sums, Residuals]:
    gx = _warped(x, made.g)
    back = _warped(gx, made.g.inverse(), antialias=False)  # what g enlarged comes back without loss
    predicted = made.move.prediction(phi(gx))
    cells = made.used if made.inner is None else made.inner
    everywhere, own = picked(y, made.used), picked(y, cells)

    def cost(image: Tensor, finish: Callable[[Tensor], Tensor] = lambda field: field) -> NDArray[np.float64]:
        if image.equal(x):
            return np.zeros(len(x))
        return squared(picked(finish(phi(image)), cells), own)

    aligned_cost = None
    if made.aligned is not None:
        h, moved = made.aligned
        aligned_cost = squared(picked(moved.prediction(phi(_warped(x, h))), cells), own)
    sampled, shifted, floor = _variants(made, x, back)
    rounded = made.missed.rounded
    residuals = Residuals(
        squared(picked(predicted, made.used), everywhere),
        None if made.inner is None else squared(picked(predicted, cells), own),
        cost(torch.where(torch.from_numpy(made.kept), x, back)) if made.inner is None else None,
        cost(sampled),
        cost(shifted, lambda field: made.move.back(field, (-rounded[0], -rounded[1]))),
        cost(floor),
        aligned_cost,
    )
    sums = [Sums.of(picked(y, mask), picked(predicted, mask), offset) for mask in (made.used, cells)]
    return sums[0], sums[1], residuals


def _variants(made: Plan, x: Tensor, back: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x sampled there and back, x shifted, x shifted there and back; where all cells count, x itself at its border."""
    shifted = floor = x
    dx, dy = made.missed.shift
    if dx or dy:
        shifted = _warped(x, translation(dx, dy))
        floor = _warped(shifted, translation(-dx, -dy))
    if made.inner is not None:
        return back, shifted, floor
    kept, shift_kept = torch.from_numpy(made.kept), torch.from_numpy(made.shift_kept)
    return torch.where(kept, back, x), torch.where(shift_kept, shifted, x), torch.where(shift_kept, floor, x)


def _warped(images: Tensor, g: Transform, antialias: bool = True) -> Tensor:
    moved: Tensor = warp(images, g, antialias=antialias)[0]
    return moved


def _order(channel_action: Any, channels: int, m: Map | None) -> NDArray[np.int64] | None:
    if channel_action is None:
        return None
    if m is not None:
        raise ValueError("error_budget: channel_action must be None where a map is given, got both")
    order = np.asarray(channel_action)
    whole = order.ndim == 1 and order.dtype.kind in "iu"
    if not whole or not np.array_equal(np.sort(order), np.arange(channels)):
        raise ValueError(
            f"error_budget: channel_action must be a permutation of {channels} channels, got {channel_action!r}"
        )
    return order.astype(np.int64)


def _check_map(m: Map | None, g: Transform, channels: int) -> None:
    if m is None:
        return
    if not isinstance(m, Map) or m.kind != "shared":
        raise ValueError(f"error_budget: map must be a Map of kind 'shared', got {getattr(m, 'kind', m)!r}")
    if not np.allclose(m.g.matrix, g.inverse().matrix, rtol=1e-9, atol=1e-9):
        raise ValueError(
            f"error_budget: map must be of g^-1, {g.inverse().name}: phi(g x) -> phi(x); got one of {m.g.name}"
        )
    if m.channels != (channels, channels):
        raise ValueError(f"error_budget: map must be of {channels} channels to as many, got {m.channels}")
