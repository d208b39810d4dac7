"""The picture of ``skimage.feature.hog(visualize=True)``: every bin of every cell as a line through its centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import draw

__all__ = ["picture"]


def picture(
    histogram: NDArray[np.float32], shape: Sequence[int], cell: Sequence[int], dtype: type[np.floating[Any]]
) -> NDArray[Any]:
    """(h, w): the histograms (rows, columns, n) times the lines of their cells, which are of two pixels or more.

    Cells with the same lines are drawn at once, by a matrix product; those with NaN or infinity line by line.
    """
    rows, columns, n = histogram.shape
    out = np.zeros(shape, dtype)
    down, right = out.strides
    tiles = np.lib.stride_tricks.as_strided(
        out, (rows, cell[0], columns, cell[1]), (cell[0] * down, down, cell[1] * right, right)
    )
    radius = min(cell) // 2 - 1
    middle = np.pi * (np.arange(n) + 0.5) / n
    rise, run = radius * np.sin(middle), radius * np.cos(middle)
    values, finite = histogram.astype(dtype), np.isfinite(histogram)
    odd = [] if finite.all() else np.argwhere(~np.logical_and.reduce(finite, axis=2)).tolist()
    if odd:
        values[~finite] = 0
    for ends_y, of_row in _ends(rows, cell[0], (-run, run)):
        for ends_x, of_column in _ends(columns, cell[1], (rise, -rise)):
            lines = _lines(ends_y, ends_x, cell)
            _draw(values, of_row, of_column, lines.astype(dtype), tiles)
            for r, c in odd:
                if of_row[r] and of_column[c]:
                    tiles[r, :, c] = np.where(lines > 0, histogram[r, c, :, None], 0).sum(1)
    return out


def _ends(count: int, size: int, moves: tuple[NDArray[Any], ...]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Where along one axis the lines of a cell begin and end, (2, n), and the cells for which they do, as a mask.

    scikit-image rounds coordinates of the image towards 0, so that equal lines may differ by a pixel from cell to cell.
    """
    corner = np.arange(count) * size
    centre = (corner + size // 2)[:, None]
    ends = np.stack([(centre + move).astype(int) for move in moves], 1) - corner[:, None, None]
    if (ends == ends[0]).all():
        return [(ends[0], np.ones(count, bool))]
    kinds, kind = np.unique(ends, axis=0, return_inverse=True)
    return [(kinds[i], kind.reshape(-1) == i) for i in range(len(kinds))]


def _lines(ends_y: NDArray[Any], ends_x: NDArray[Any], cell: Sequence[int]) -> NDArray[Any]:
    """(cell rows, n, cell columns): 1 where the line of a bin is."""
    n = ends_y.shape[1]
    lines = np.zeros((cell[0], n, cell[1]))
    for k in range(n):
        y, x = draw.line(ends_y[0, k], ends_x[0, k], ends_y[1, k], ends_x[1, k])
        lines[y, k, x] = 1
    return lines


def _draw(
    values: NDArray[Any],
    of_row: NDArray[Any],
    of_column: NDArray[Any],
    lines: NDArray[Any],
    tiles: NDArray[Any],
) -> None:
    """Draws the cells of some rows and some columns: tiles are (rows, cell rows, columns, cell columns)."""
    if of_row.all() and of_column.all():
        np.matmul(values[:, None], lines, out=tiles)
        return
    drawn = np.matmul(values[of_row][:, None, of_column], lines)
    tiles[np.ix_(of_row, np.arange(tiles.shape[1]), of_column, np.arange(tiles.shape[3]))] = drawn
