"""Where the cells of phi lie, and which of them see neither the canvas border nor what a warp invented."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from torch import Tensor

from equivfast.groups import Grid, Transform, warp
from equivfast.measures._budget_call import Phi
from equivfast.measures._budget_place import network_grids
from equivfast.measures._budget_reach import Box, seen

Mask = NDArray[np.bool_]
# How far, in pixels, interpolation carries what lies beyond the border: .27^4 of it is left there.
_SPLINE = 4
_EXACT = 1e-6


@dataclass(frozen=True)
class Placed:
    """The grid; the pixels that a cell sees, counted from its place on that grid (None: not bounded by the image);
    and how far (x, y) their middle lies from that place (None: not known)."""

    grid: Grid
    reach: Box | None
    place: tuple[float, float] | None


def placed(phi: Phi, images: Tensor, size: tuple[int, int], grid: Grid | None, seed: int) -> Placed:
    """Grid (where none is given: centred, its stride measured), reach and place, by probing a cell in the middle.

    Where that cell sees the whole image, a network is probed on larger ones.
    """
    rows, columns = size
    height, width = images.shape[2:]
    row, column = rows // 2, columns // 2
    box = seen(phi, images, (row, column), seed) if rows * columns > 1 else None
    known = network_grids(phi.phi, height, width, size) if box is None and rows * columns > 1 else None
    if grid is None and known is not None:
        grid = known[0]
    if grid is None:
        ratio = height / rows
        stride = _whole_ratio(height, rows)
        if box is not None and min(rows, columns) > 2 and ratio >= 1:
            near = seen(phi, images, (row - 1, column - 1), seed)
            steps = np.subtract(box.middle, near.middle) if near else np.zeros(2)
            if steps[0] == steps[1] and abs(steps[0] - ratio) < ratio / 2:
                stride = float(steps[0])
        grid = Grid.centred(rows, columns, stride)
    if rows * columns == 1:
        return Placed(grid, None, (0.0, 0.0))  # one cell for the whole image is nowhere else
    if box is None:
        if known is None:
            return Placed(grid, None, None)
        x, y = np.subtract(known[1].centres[row, column], grid.centres[row, column])
        return Placed(grid, None, (float(x), float(y)))
    x, y = grid.centres[row, column] + (np.array([width, height]) - 1) / 2
    reach = Box(box.left - x, box.right - x, box.top - y, box.bottom - y)
    return Placed(grid, reach, reach.middle)


def _whole_ratio(pixels: int, cells: int) -> float:
    """Pixels a cell: a whole number where that, rounded up or down, gives as many cells."""
    step = max(1, round(pixels / cells))
    return float(step) if cells in (pixels // step, -(-pixels // step)) else pixels / cells


def all_seen(inside: Mask, where: Placed, border_cells: int | None) -> Mask:
    """(H, W): the cells for which every pixel seen is in the mask, and so on the canvas.

    With `border_cells` a cell is taken to see as many around it, and as many are left out along the field's edge.
    """
    grid, (height, width) = where.grid, inside.shape
    reach = where.reach
    if border_cells is not None:
        half = (border_cells + 0.5) * grid.stride - 0.5
        reach = Box(-half, half, -half, half)
    assert reach is not None
    place = grid.centres + (np.array([width, height]) - 1) / 2
    left, right = (
        np.floor(place[..., 0] + reach.left + _EXACT),
        np.ceil(place[..., 0] + reach.right - _EXACT),
    )
    top, bottom = (
        np.floor(place[..., 1] + reach.top + _EXACT),
        np.ceil(place[..., 1] + reach.bottom - _EXACT),
    )
    if border_cells is None:
        fits = (left >= 0) & (top >= 0) & (right < width) & (bottom < height)
    else:
        fits = _inner(grid, border_cells)
    x0, x1 = np.clip(left, 0, width - 1).astype(int), np.clip(right, 0, width - 1).astype(int) + 1
    y0, y1 = np.clip(top, 0, height - 1).astype(int), np.clip(bottom, 0, height - 1).astype(int) + 1
    outside = np.pad(np.cumsum(np.cumsum(~inside, 0), 1), ((1, 0), (1, 0)))
    count = outside[y1, x1] - outside[y0, x1] - outside[y1, x0] + outside[y0, x0]
    return np.asarray(fits & (count == 0))


def _inner(grid: Grid, border: int) -> Mask:
    rows, columns = np.indices((grid.height, grid.width))
    deep = np.minimum(rows, columns) >= border
    return np.asarray(deep & (rows < grid.height - border) & (columns < grid.width - border))


def real_pixels(size: tuple[int, int], g: Transform) -> Mask:
    """(h, w): the pixels of g x that hold content of x, untouched by what the border rule made up."""
    mask = np.asarray(warp(torch.zeros(1, 1, *size), g)[1])
    return mask if _moves_pixels(g, size) else _shrunk(mask, g, True)


def kept_pixels(size: tuple[int, int], g: Transform) -> Mask:
    """(h, w): the pixels of x that come back by g^-1 from g x, no part of them made up at either border."""
    mask = np.asarray(warp(torch.zeros(1, 1, *size), g.inverse())[1])
    return mask if _moves_pixels(g, size) else _shrunk(mask, g.inverse(), False)


def _shrunk(mask: Mask, g: Transform, border: bool) -> Mask:
    largest = float(np.linalg.svd(g.linear, compute_uv=False)[0])
    square = np.ones((3, 3), bool)
    times = math.ceil(_SPLINE * max(1.0, largest))
    return np.asarray(binary_erosion(mask, square, iterations=times, border_value=border))


def _moves_pixels(g: Transform, size: tuple[int, int]) -> bool:
    """Whether pixel centres go to pixel centres, one for one."""
    height, width = size
    corner = (np.array([width, height]) - 1) / 2
    linear = np.abs(g.linear)
    turns = np.array_equal(linear, np.eye(2)[::-1])
    landed = g(-corner) + corner
    return bool(
        (turns or np.array_equal(linear, np.eye(2))) and np.abs(landed - np.rint(landed)).max() <= _EXACT
    )


def checked_grid(function: str, grid: Any, size: tuple[int, int]) -> Grid:
    if not isinstance(grid, Grid):
        raise ValueError(f"{function}: grid must be a Grid or None, got {type(grid).__name__}")
    if (grid.height, grid.width) != size:
        raise ValueError(
            f"{function}: grid must have the field's {size[0]} x {size[1]} cells, "
            f"got {grid.height} x {grid.width}"
        )
    return grid
