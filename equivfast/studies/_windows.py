"""Windows of photographs, upright and transformed, as feature fields."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.data import Photograph, Windows
from equivfast.groups import Grid, Sampler, Transform, identity
from equivfast.representations import HOG
from equivfast.studies._run import Progress

# Border cells of a window see pixels that the gradient leaves out, and their normaliser a truncated neighbour.
BORDER_CELLS = 2
_BATCH = 64
_SAMPLER_BYTES = 1 << 30


@dataclass(frozen=True)
class WindowSet:
    """Square windows around centres of photographs."""

    photographs: Sequence[Photograph]
    places: Windows
    phi: HOG

    def __len__(self) -> int:
        return len(self.places)

    @property
    def photo_of(self) -> NDArray[np.int64]:
        """Index of the photograph of each window."""
        return np.array([index for index, _ in self.places], np.int64)

    def images(self, which: Sequence[int], g: Transform, pixels: int) -> torch.Tensor:
        """These windows of the transformed photographs, (n, 3, pixels, pixels) in 0..1."""
        found = torch.empty(len(which), 3, pixels, pixels)
        places = [self.places[i] for i in which]
        for photo in dict.fromkeys(index for index, _ in places):
            at = [k for k, (index, _) in enumerate(places) if index == photo]
            centres = [places[k][1] for k in at]
            found[at] = _sampler(self.photographs[photo]).windows(centres, pixels, g)
        return found / 255

    def fields(self, g: Transform | None, cells: int, progress: Progress, stage: str) -> torch.Tensor:
        """phi(g x) around the centre of every window: (n, d, cells, cells), the border cells cut off."""
        g, pixels = identity() if g is None else g, pixels_of(cells, self.phi)
        found = []
        for start in range(0, len(self), _BATCH):
            stop = min(start + _BATCH, len(self))
            field = self.phi(self.images(range(start, stop), g, pixels))
            found.append(field[..., BORDER_CELLS:-BORDER_CELLS, BORDER_CELLS:-BORDER_CELLS].contiguous())
            progress(stage, stop, len(self))
        return torch.cat(found)


_samplers: OrderedDict[int, tuple[Photograph, Sampler]] = OrderedDict()


def _sampler(photo: Photograph) -> Sampler:
    """The photograph's sampler, made once; those used longest ago go when their coefficients fill the memory."""
    kept = _samplers.pop(id(photo), None) or (photo, Sampler(photo.image))
    _samplers[id(photo)] = kept
    while (
        sum(4 * other.image.size for other, _ in _samplers.values()) > _SAMPLER_BYTES and len(_samplers) > 1
    ):
        _samplers.popitem(last=False)
    return kept[1]


def pixels_of(cells: int, phi: HOG) -> int:
    """Side of the window from which `cells` cells remain when its border cells are cut off."""
    return (cells + 2 * BORDER_CELLS) * phi.cell


def centred(fields: torch.Tensor, cells: int) -> torch.Tensor:
    """The central cells x cells of (..., H, W) fields."""
    border = (fields.shape[-1] - cells) // 2
    return fields[..., border : border + cells, border : border + cells]


def cells_needed(g: Transform, field: int, stride: float, support: int) -> int:
    """Odd number of source cells, as wide as a support x support neighbourhood under g reaches."""
    target = Grid.centred(field, field, stride)
    reach = np.abs(g.inverse()(target.centres)).max() / stride
    return 2 * (int(np.floor(reach + 0.5)) + support // 2) + 1


def pixel_reach(g: Transform, pixels: int) -> float:
    """How far from the centre, across or down the photograph, a ``pixels`` wide window under g looks."""
    half = (pixels - 1) / 2
    corners = np.array([(x, y) for x in (-half, half) for y in (-half, half)])
    return float(np.abs(g.inverse()(corners)).max())
