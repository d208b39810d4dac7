"""Fields in cells: the channels of a cell are neighbours, filled up so that every cell begins on a 64-byte line."""

from __future__ import annotations

import torch

CELL_PADDING = 16  # numbers; whole lines for float64 too


def padded_cells(like: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """A new field (n, d, rows, columns) on the device of `like`; the padding is not part of the view."""
    n, d, rows, columns = shape
    padded = -(-d // CELL_PADDING) * CELL_PADDING
    return like.new_empty((n, rows, columns, padded), dtype=dtype)[..., :d].permute(0, 3, 1, 2)
