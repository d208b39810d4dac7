"""How the cells of phi(g x) are brought back, and how far off their true places they land."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, GridAction, Transform, affine, grid_action, translation, warp
from equivfast.maps import Map

Mask = NDArray[np.bool_]
_NOTHING = 1e-6  # pixels; less is rounding


@dataclass(frozen=True, eq=False)
class Move:
    """`prediction` of phi(x) from phi(g x); `source` where it reads inside the field; `reads(mask)` where all it reads
    lies in a mask of phi(g x)'s cells. `back(field, (dx, dy))` moves a field's content by pixels in the same way."""

    prediction: Callable[[Tensor], Tensor]
    source: Mask
    reads: Callable[[Mask], Mask]
    back: Callable[[Tensor, tuple[float, float]], Tensor]


def move(g: Transform, grid: Grid, order: NDArray[np.int64] | None, m: Map | None) -> Move:
    """Cells moved by g^-1: by the map, or between cells by the cubic spline that moves images as well."""
    undo = g.inverse()
    if grid.height == grid.width == 1 and m is None:  # a vector has no place: nothing moves
        one = np.ones((1, 1), bool)
        return Move(lambda u: _ordered(u, order), one, lambda inside: inside, lambda field, _: field)
    if m is None:
        action = grid_action(undo, grid, None, "bilinear")
        return Move(
            lambda u: _ordered(_spline(u, undo, grid), order),
            action.mask,
            lambda inside: _reads(action, inside),
            lambda field, pixels: _spline(field, translation(*pixels), grid),
        )
    action, support = grid_action(undo, grid, None, m.interpolation), m.support or 1

    def back(field: Tensor, pixels: tuple[float, float]) -> Tensor:
        if m.interpolation == "nearest":
            return field
        return _gathered(field, grid_action(translation(*pixels), grid, None, "bilinear"))

    return Move(
        lambda u: m(u, grid), action.mask, lambda inside: _all_around(_reads(action, inside), support), back
    )


def _ordered(moved: Tensor, order: NDArray[np.int64] | None) -> Tensor:
    """Channel order[i] of x's field is what channel i of g x's holds."""
    if order is None:
        return moved
    out = torch.empty_like(moved)
    out[:, torch.from_numpy(order)] = moved
    return out


def _reads(action: GridAction, inside: Mask) -> Mask:
    flat = np.append(inside.ravel(), False)  # -1, outside, reads the last entry
    return np.asarray((flat[action.index] | (action.weight == 0)).all(-1))


def _all_around(mask: Mask, size: int) -> Mask:
    views = np.lib.stride_tricks.sliding_window_view(np.pad(mask, size // 2), (size, size))
    return np.asarray(views.all((-2, -1)))


def _gathered(field: Tensor, action: GridAction) -> Tensor:
    index = torch.from_numpy(np.maximum(action.index, 0))
    weight = torch.from_numpy(action.weight * (action.index >= 0))
    return (field.flatten(2)[:, :, index] * weight).sum(-1)


def _spline(field: Tensor, h: Transform, grid: Grid) -> Tensor:
    """The field's content moved by h; cell for cell where h carries cells onto cells."""
    action = grid_action(h, grid, None, "bilinear")
    turned = h.linear[0, 0] == h.linear[1, 1] == 0 and grid.height != grid.width
    if (
        action.index.shape[-1] == 1 or turned
    ):  # a field that is not square has no quarter turn on its own canvas
        return _gathered(field, action)
    middle = np.array(grid.offset) + (np.array([grid.width, grid.height]) - 1) / 2 * grid.stride
    # What h shrinks was enlarged by g and has nothing finer than before: smoothing would only lose.
    moved, _ = warp(field, affine(h.linear, ((h(middle) - middle) / grid.stride).tolist()), antialias=False)
    return moved


@dataclass(frozen=True)
class Missed:
    """By how many pixels (x, y) of x the content of a cell is off: `rounded` as its place on the grid says, `shift` in
    all. Root mean squares over the cells, with the sign of the mean; `alike`: all cells are off by the same."""

    rounded: tuple[float, float]
    shift: tuple[float, float]
    alike: bool


def misalignment(g: Transform, grid: Grid, used: Mask, place: tuple[float, float]) -> Missed:
    """How far off the cells that g leads to are; `place` is how far cells truly lie from where the grid puts them."""
    if grid.height == grid.width == 1:
        return Missed((0.0, 0.0), (0.0, 0.0), False)
    undo = g.inverse()
    cells = grid.cells(g(grid.centres[used]))[..., ::-1]
    missed = (cells - np.ceil(cells - 0.5 - _NOTHING)) * grid.stride  # half-way: as `nearest` rounds
    rounded = missed @ undo.linear.T
    shift = rounded + np.array(place) - undo.linear @ np.array(place)
    alike = bool(np.ptp(shift, axis=0).max() <= _NOTHING * grid.stride)
    return Missed(_root_mean_square(rounded), _root_mean_square(shift), alike)


def aligned(g: Transform, missed: Missed) -> tuple[Transform, Transform]:
    """g shifted so that cells land on cells: as images need it, and as the grid needs it."""
    first, second = (-g.linear @ np.array(pixels) for pixels in (missed.shift, missed.rounded))
    return translation(*first) @ g, translation(*second) @ g


def _root_mean_square(steps: NDArray[np.float64]) -> tuple[float, float]:
    size = np.sqrt((steps**2).mean(0)) * np.where(steps.mean(0) < 0, -1, 1)
    x, y = (0.0 if math.isclose(v, 0, abs_tol=_NOTHING) else float(v) for v in size)
    return x, y
