"""The pairs a study learns from: windows of photographs, upright and transformed, as feature fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.data import Photograph, Windows
from equivfast.groups import Grid, Transform, identity, window
from equivfast.representations import HOG
from equivfast.studies._methods import MAX_SUPPORT
from equivfast.studies._run import Progress

# Border cells of a window see pixels that the gradient leaves out, and their normaliser a truncated neighbour.
BORDER_CELLS = 2
# Source pixels around a window that its interpolation looks at: spline filter and anti-alias filter.
_FILTER_REACH = 32
_BATCH = 64


@dataclass(frozen=True)
class WindowSet:
    """Square windows around centres of photographs, ``cells`` cells wide after the border is cut off."""

    photographs: Sequence[Photograph]
    places: Windows
    phi: HOG
    cells: int

    @staticmethod
    def pixels_of(cells: int, phi: HOG) -> int:
        return (cells + 2 * BORDER_CELLS) * phi.cell

    @property
    def pixels(self) -> int:
        return self.pixels_of(self.cells, self.phi)

    def sample(self, count: int, seed: int) -> WindowSet:
        """``count`` of these windows (all, when there are no more), still grouped by photograph."""
        size = len(self.places)
        chosen = np.sort(np.random.default_rng(seed).choice(size, min(count, size), replace=False))
        return replace(self, places=Windows(tuple(self.places[int(i)] for i in chosen), ()))

    @property
    def grid(self) -> Grid:
        return Grid.centred(self.cells, self.cells, self.phi.cell)

    @property
    def photo_of(self) -> NDArray[np.int64]:
        """Index of the photograph of each window."""
        return np.array([index for index, _ in self.places], np.int64)

    def images(self, which: Sequence[int], g: Transform) -> torch.Tensor:
        """These windows of the transformed photographs, (n, 3, pixels, pixels) in 0..1.

        The pieces of the photographs that the windows need are resampled together: all have the same weights.
        """
        need = np.abs(g.inverse()(_corners(self.pixels))).max() + _FILTER_REACH
        size = self.pixels + 2 * math.ceil(max(need - (self.pixels - 1) / 2, 0))
        pieces = torch.stack([self._piece(i, size) for i in which])
        patches, _ = window(pieces, ((size - 1) / 2, (size - 1) / 2), self.pixels, g)
        return torch.as_tensor(patches).to(torch.float32) / 255

    def _piece(self, i: int, size: int) -> torch.Tensor:
        """(3, size, size) uint8 around the centre of window i; beyond the photograph its mirror image."""
        index, (x, y) = self.places[i]
        photo = torch.from_numpy(self.photographs[index].image).permute(2, 0, 1)
        left, top = round(x - (size - 1) / 2), round(y - (size - 1) / 2)
        if left >= 0 and top >= 0 and left + size <= photo.shape[2] and top + size <= photo.shape[1]:
            return photo[:, top : top + size, left : left + size]
        return torch.as_tensor(window(photo[None], (x, y), size)[0][0]).to(torch.uint8)

    def fields(self, g: Transform | None, progress: Progress, stage: str) -> torch.Tensor:
        """phi(g x) of every window: (n, d, cells, cells)."""
        g = identity() if g is None else g
        found = []
        for start in range(0, len(self.places), _BATCH):
            stop = min(start + _BATCH, len(self.places))
            field = self.phi(self.images(range(start, stop), g))
            found.append(field[..., BORDER_CELLS:-BORDER_CELLS, BORDER_CELLS:-BORDER_CELLS].contiguous())
            progress(stage, stop, len(self.places))
        return torch.cat(found)


def _corners(pixels: int) -> NDArray[np.float64]:
    half = (pixels - 1) / 2
    return np.array([(x, y) for x in (-half, half) for y in (-half, half)])


def cells_needed(g: Transform, field: int, stride: float) -> int:
    """Odd number of source cells, as wide as any support of a ``field`` x ``field`` target under g reaches."""
    target = Grid.centred(field, field, stride)
    reach = np.abs(g.inverse()(target.centres)).max() / stride
    return 2 * (int(np.floor(reach + 0.5)) + MAX_SUPPORT // 2) + 1


def pixel_reach(g: Transform, pixels: int) -> float:
    """How far from the centre, in pixels of the photograph, a ``pixels`` wide window under g looks."""
    return float(np.linalg.norm(g.inverse()(_corners(pixels)), axis=-1).max())
