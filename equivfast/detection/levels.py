"""The scales at which an image is searched."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import interpolate

from equivfast.detection.lattice import Lattice
from equivfast.groups import Grid

# Cells along the shorter side of the smallest, and along both sides of the largest piece of a photograph.
_FEWEST, _MOST = 24, 40


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
    image: torch.Tensor,
    phi: Any,
    scales: tuple[float, float],
    per_octave: int,
    margin: int,
    side: int,
    lattice: Lattice | None = None,
) -> Iterator[Searched]:
    """The levels of scales from the largest down to the smallest, steps of 2^(1 / per_octave), both ends among them.

    Levels with fewer cells than a template's `side` are left out. With a `lattice` their sides are whole numbers of its
    cells; HOG alone needs none.
    """
    cells: Callable[[int], int] = (lambda length: length // phi.cell) if lattice is None else lattice.cells
    length: Callable[[float], int] = round if lattice is None else lattice.length
    smallest, largest = scales
    steps = max(1, math.ceil(per_octave * math.log2(largest / smallest) - 1e-9)) if largest > smallest else 0
    height, width = image.shape[2:]
    source, halvings = image, 0
    for k in range(steps + 1):
        scale = largest * (smallest / largest) ** (k / steps if steps else 0)
        size = length(height * scale), length(width * scale)
        if cells(min(size)) + 2 * margin < side:
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
        grid = phi.grid(*size) if lattice is None else lattice.grid(cells(size[0]), cells(size[1]))
        yield Searched(scale, size[1] / width, size[0] / height, grid, margin, field)


def middles(image: torch.Tensor, lattice: Lattice, per_octave: int, border: int) -> Iterator[torch.Tensor]:
    """The middle of an image (1, c, h, w) at all scales, `border` cells more on each side.

    Definition from the image's own scale, or that at which its shorter side has 24 cells, down to the last at which it
               has; of each the middle 40 x 40 cells, or as many as there are
    """
    sides = image.shape[2:]
    least = (_FEWEST + 2 * border) * lattice.cell + lattice.extra
    scale = max(1.0, least / min(sides))
    while scale * min(sides) >= least - 0.5:
        size = (lattice.length(sides[0] * scale), lattice.length(sides[1] * scale))
        level = _resampled(image, size)
        cut = [
            min(lattice.cells(length), _MOST + 2 * border) * lattice.cell + lattice.extra for length in size
        ]
        top, left = ((length - part) // 2 for length, part in zip(size, cut, strict=True))
        yield level[:, :, top : top + cut[0], left : left + cut[1]]
        scale *= 2 ** (-1 / per_octave)


def _resampled(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The image at another size; as it is where that is its own."""
    if size == tuple(image.shape[2:]):
        return image
    return interpolate(image.float(), size=size, mode="bicubic", antialias=True)
