"""The scales at which an image is searched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import interpolate

from equivfast.groups import Grid
from equivfast.representations import HOG


@dataclass(frozen=True, eq=False)
class Searched:
    """One scale of an image: its features with `margin` empty cells around them.

    Units      scale_x, scale_y: pixels of this level over pixels of the image
    """

    scale: float
    scale_x: float
    scale_y: float
    grid: Grid
    margin: int
    field: torch.Tensor

    def centre(self, row: float, column: float, side: int) -> tuple[float, float]:
        """The middle of the window of side x side cells at (row, column), in the image's centred pixels (x, y)."""
        (x, y), step = self.grid.offset, self.grid.stride
        middle = (side - 1) / 2 - self.margin
        return (x + (column + middle) * step) / self.scale_x, (y + (row + middle) * step) / self.scale_y


def searched(
    image: torch.Tensor, phi: HOG, scales: tuple[float, float], per_octave: int, margin: int, side: int
) -> Iterator[Searched]:
    """The levels of scales from the largest down to the smallest, steps of 2^(1 / per_octave), both ends among them.

    Levels with fewer cells than a template's `side` are left out.
    """
    smallest, largest = scales
    steps = max(1, math.ceil(per_octave * math.log2(largest / smallest) - 1e-9)) if largest > smallest else 0
    height, width = image.shape[2:]
    source, halvings = image, 0
    for k in range(steps + 1):
        scale = largest * (smallest / largest) ** (k / steps if steps else 0)
        size = round(height * scale), round(width * scale)
        if min(size) // phi.cell + 2 * margin < side:
            return
        # From what was halved already, which costs less; one level at a time, for large images hold many pixels.
        while scale <= 0.5 ** (halvings + 1):
            halvings += 1
            half = round(height * 0.5**halvings), round(width * 0.5**halvings)
            source = _resampled(source, half)
        level = _resampled(source, size)
        field: Any = phi(level)
        if margin:
            n, d, rows, columns = field.shape
            wide = field.new_zeros(n, d, rows + 2 * margin, columns + 2 * margin)
            wide[..., margin : margin + rows, margin : margin + columns] = field
            field = wide
        grid = phi.grid(*size)
        yield Searched(scale, size[1] / width, size[0] / height, grid, margin, field)


def _resampled(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The image at another size; as it is where that is its own."""
    if size == tuple(image.shape[2:]):
        return image
    return interpolate(image.float(), size=size, mode="bicubic", antialias=True)
