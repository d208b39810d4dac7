"""How the cells of a representation lie on pixels: which sizes of images hold a whole number of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from equivfast.groups import Grid

_NAME = "PoseDetector"
_CELLS = 24  # of the image that is tried
_PIXELS = 192  # of the image that the stride is asked for


@dataclass(frozen=True)
class Lattice:
    """An image of n cell + extra pixels has n cells, symmetric about its middle.

    >>> Lattice(cell=4, extra=3).length(41.0), Lattice(cell=4, extra=3).cells(43)
    (43, 10)
    """

    cell: int
    extra: int

    def length(self, pixels: float) -> int:
        """The nearest side in pixels that holds a whole number of cells, at least one."""
        return max(1, round((pixels - self.extra) / self.cell)) * self.cell + self.extra

    def cells(self, length: int) -> int:
        """Cells along a side of this length."""
        return (length - self.extra) // self.cell

    def grid(self, rows: int, columns: int) -> Grid:
        """Where the cells lie. What a network adds to that is the same in all images of such sizes."""
        return Grid.centred(rows, columns, self.cell)


@lru_cache(maxsize=16)
def lattice_of(phi: Any, channels: int) -> Lattice:
    """The lattice of a representation, tried out on images of zeros.

    Raises     ValueError where there is none: cells that are not a whole number of pixels apart, or images of one size
               only
    """
    name = type(phi).__name__

    def cells(side: int) -> int:
        with torch.no_grad():
            return int(phi(torch.zeros(1, channels, side, side)).shape[2])

    try:
        stride = float(phi.grid(_PIXELS, _PIXELS).stride)
        if stride != round(stride):
            raise ValueError(
                f"{_NAME}: representation must have cells a whole number of pixels apart, got {stride:g}"
            )
        cell = round(stride)
        side = _CELLS * cell
        missing = _CELLS - cells(side)
        # Convolutions without padding lose cells, padded ones may have one more.
        near = sorted(range((missing - 1) * cell, (missing + 1) * cell + 1), key=abs)
        extra = next((more for more in near if cells(side + more) == _CELLS), None)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{_NAME}: representation must take images of any size, got {name}: {reason}"
        ) from error
    if extra is None or cells(side + extra + cell) != _CELLS + 1:
        raise ValueError(
            f"{_NAME}: representation must have a cell more for every {cell} pixels, got {name} that has not"
        )
    return Lattice(cell, extra)
