"""Windows of photographs, upright and transformed, as feature fields."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.data import Photograph, Windows
from equivfast.groups import Grid, Sampler, Transform, identity
from equivfast.representations import HOG
from equivfast.studies._run import Progress

# Border cells of a window see pixels that the gradient leaves out, and their normaliser a truncated neighbour.
BORDER_CELLS = 2
_AT_ONCE = 32  # windows cut and described together: some 10 MB of pixels
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
        return torch.cat(list(self._cut(which, g, pixels)))

    def fields(self, g: Transform | None, cells: int, progress: Progress, stage: str) -> torch.Tensor:
        """phi(g x) around the centre of every window: (n, d, cells, cells), the border cells cut off."""
        g, pixels = identity() if g is None else g, pixels_of(cells, self.phi)
        found, done = [], 0
        for images in self._cut(range(len(self)), g, pixels):
            field = self.phi(images)
            found.append(field[..., BORDER_CELLS:-BORDER_CELLS, BORDER_CELLS:-BORDER_CELLS].contiguous())
            done += len(images)
            progress(stage, done, len(self))
        return torch.cat(found)

    def _cut(self, which: Iterable[int], g: Transform, pixels: int) -> Iterator[torch.Tensor]:
        """`images` in parts, each of one photograph."""
        places = (self.places[i] for i in which)
        for photo, part in groupby(places, key=lambda place: place[0]):
            centres = [centre for _, centre in part]
            sampler = _sampler(self.photographs[photo])
            for start in range(0, len(centres), _AT_ONCE):
                yield sampler.windows(centres[start : start + _AT_ONCE], pixels, g).div_(255)


_samplers: OrderedDict[int, tuple[Photograph, Sampler]] = OrderedDict()


def _sampler(photo: Photograph) -> Sampler:
    """The photograph's sampler, made once; those used longest ago go when their coefficients fill the memory."""
    kept = _samplers.pop(id(photo), None) or (photo, Sampler(photo.image))
    _samplers[id(photo)] = kept
    while (
        sum(16 * other.image[..., 0].size for other, _ in _samplers.values()) > _SAMPLER_BYTES
        and len(_samplers) > 1
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
