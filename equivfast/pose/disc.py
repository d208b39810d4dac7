"""The disc that a pose is learned on: what a turned image brings in at its corners must tell nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid

# A window of 104 pixels fades between 42 and 52 pixels from its centre; of its 13 x 13 cells those within 6.6 count.
_INNER, _OUTER, _CELLS = 42 / 52, 52 / 52, 6.6 / 6.5


@dataclass(frozen=True)
class Disc:
    """A soft disc in square images of one size.

    Shapes     images (..., size, size) float32 -> the same
    Units      `size` in pixels; inner, outer and cells: radii as shares of half of it
    Definition pixels fade smoothly, from `inner` to `outer`, to the disc's mean, the mean weighted by the fading;
               `inside(grid)` says which cells have their centre within `cells`
    Symmetry   unchanged by turns and flips: the disc of a turned image is the turned disc, put on a plane of its mean

    >>> disc = Disc(32)
    >>> image = torch.zeros(1, 32, 32)
    >>> image[0, 16:] = 1
    >>> [round(disc(image)[0, y, x].item(), 5) for y, x in ((0, 0), (20, 16))]
    [0.5, 1.0]
    >>> int(disc.inside(Grid.centred(4, 4, 8)).sum())
    12
    """

    size: int
    inner: float = _INNER
    outer: float = _OUTER
    cells: float = _CELLS

    @cached_property
    def taper(self) -> Tensor:
        """(size, size): 1 inside, 0 outside."""
        across = np.arange(self.size) - (self.size - 1) / 2
        radius = np.hypot(across[:, None], across) / (self.size / 2)
        share = np.clip((self.outer - radius) / (self.outer - self.inner), 0, 1)
        return torch.from_numpy((share**2 * (3 - 2 * share)).astype(np.float32))

    def mean(self, images: Tensor) -> Tensor:
        """(..., 1, 1)."""
        return (images * self.taper).sum((-2, -1), keepdim=True) / self.taper.sum()

    def __call__(self, images: Tensor) -> Tensor:
        mean = self.mean(images)
        return mean + self.taper * (images - mean)

    def inside(self, grid: Grid) -> NDArray[np.bool_]:
        """(H, W): the cells that count."""
        centres = grid.centres.reshape(grid.height, grid.width, 2)
        inside: NDArray[np.bool_] = np.hypot(centres[..., 0], centres[..., 1]) <= self.cells * self.size / 2
        return inside
