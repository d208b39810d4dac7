"""The matrix of a map as a picture: which inputs every output reads, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

PAPER, CELL_LINE, ROW_LINE, FAINTEST = 255, 232, 176, 0.14
WIDTH = 1200  # pixels, as far as cells of 2 to 48 pixels reach it


def sparsity(
    weight: Any, target_cells: tuple[int, int], source_cells: tuple[int, int], channels: tuple[int, int]
) -> np.ndarray:
    """A picture of the weights of a map, dark where they are large.

    Shapes     weight (d H' W', c H W), sparse or not -> (h, w) uint8; target_cells (H', W'), source_cells (H, W),
               channels (d, c); both sides of `weight` are flattened fields: channels first, then cells
    Units      every cell is a square of w / (H W) pixels, of 2 to 48 so that w is near 1200
    Definition Rows of the picture are outputs, columns are inputs, both cell by cell with the channels inside. A pixel
               shows the largest |weight| that falls on it as ink in proportion, full from the 99 % quantile of such
               pixels on; whatever is not 0 keeps a seventh of the ink. Faint lines part cells, darker ones part rows
               of cells.
    Raises     ValueError for a weight of another shape, or that holds NaN

    >>> weight = sparse.eye_array(31 * 9).tocsr()           # the identity on 3 x 3 cells
    >>> picture = sparsity(weight, (3, 3), (3, 3), (31, 31))
    >>> side = len(picture) // 9
    >>> bool((picture[:side, :side] < 40).any()), bool((picture[:side, side + 1 : 2 * side] < 40).any())
    (True, False)
    """
    (d, c), rows, columns = channels, int(np.prod(target_cells)), int(np.prod(source_cells))
    if min(d, c, rows, columns) < 1 or np.ndim(weight) != 2 or weight.shape != (d * rows, c * columns):
        expected = f"({d} x {rows} cells, {c} x {columns} cells)"
        raise ValueError(f"sparsity: weight must be {expected}, got {tuple(np.shape(weight))}")
    entries = sparse.coo_array(weight)
    if not np.isfinite(entries.data).all():
        raise ValueError("sparsity: weight must be finite, got NaN or infinity")
    side = int(np.clip(WIDTH // columns, 2, 48))
    line = int(side >= 4)
    inner = side - line
    bins = (min(inner, d), min(inner, c))
    pooled = _pooled(entries, (rows, columns), channels, bins)
    picture = _inked(pooled)
    for axis, (count, held) in enumerate(zip((rows, columns), bins, strict=True)):
        pixels = np.arange(count * side)
        within = np.minimum(np.maximum(pixels % side - line, 0) * held // inner, held - 1)
        picture = np.take(picture, pixels // side * held + within, axis=axis)
    if line:
        _lines(picture, side, target_cells[1], source_cells[1])
    return picture


def _pooled(
    entries: Any, cells: tuple[int, int], channels: tuple[int, int], bins: tuple[int, int]
) -> np.ndarray:
    """The largest |weight| for every bin of channels of every pair of cells: (rows bins, columns bins)."""
    places = []
    for index, count, depth, held in zip(entries.coords, cells, channels, bins, strict=True):
        channel, cell = np.divmod(index.astype(np.int64), count)
        places.append(cell * held + channel * held // depth)
    shape = (cells[0] * bins[0], cells[1] * bins[1])
    pooled = np.zeros(shape[0] * shape[1])
    np.maximum.at(pooled, places[0] * shape[1] + places[1], np.abs(entries.data).astype(np.float64))
    return pooled.reshape(shape)


def _inked(pooled: np.ndarray) -> np.ndarray:
    present = pooled[pooled > 0]
    full = np.quantile(present, 0.99) if present.size else 1.0
    ink = np.where(pooled > 0, FAINTEST + (1 - FAINTEST) * np.minimum(pooled / full, 1), 0)
    picture: np.ndarray = np.round(PAPER * (1 - ink)).astype(np.uint8)
    return picture


def _lines(picture: np.ndarray, side: int, target_width: int, source_width: int) -> None:
    """The first pixel of every cell, upwards and across, is a line."""
    picture[::side], picture[:, ::side] = CELL_LINE, CELL_LINE
    picture[:: side * target_width], picture[:, :: side * source_width] = ROW_LINE, ROW_LINE
