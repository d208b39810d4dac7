"""What a detector looks at: HOG, or another representation brought to one scale, with how its cells lie on pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast import data
from equivfast.detection import background as backgrounds
from equivfast.detection.background import Background
from equivfast.detection.lattice import Lattice, lattice_of
from equivfast.groups import Transform, window
from equivfast.maps import Map
from equivfast.pose import cache_folder, learned_maps
from equivfast.pose.disc_maps import support_of
from equivfast.pose.learned import Progress
from equivfast.pose.prepared import Normalised, described, prepared
from equivfast.pose.scaled import Standardised, channel_scales
from equivfast.representations import HOG, Layer

WHITE = 255.0  # the intensity of white in photographs
MOST_SIDE = 16  # cells of a canvas
# Numbers of a canvas, whose covariance is factored: a square of as many.
_MOST_NUMBERS = 6400
_LEAST_SIDE = 3
# With HOG's ridge, a tenth, a small network's search missed 4 of 8 copies of an example, turned and scaled; with this
# one, and with 1, none.
_RIDGE = 0.3
# Pieces of photographs that maps are learned on: as many cells as HOG's have, twice as many pieces.
_CELLS, _WINDOWS, _LARGEST, _SEED, _MIN_CONTRAST = 24, 64, 192, 0, 2.0


@dataclass(frozen=True, eq=False)
class Features:
    """A representation for images of 1 or 3 channels, and what photographs have in common under it.

    Definition `lattice` is None for HOG, whose cells begin at an image's first pixel whatever its size
    """

    phi: Any
    background: Background
    lattice: Lattice | None


def features_of(phi: Any, channels: int) -> Features:
    """The features of a detector on images of so many channels.

    Definition HOG as it is. Any other representation is asked as `prepared` says, and every channel centred on its
               mean on photographs and scaled to the variance 1 / d
    Raises     ValueError for cells that are not a whole number of pixels apart, networks that take images of one size
               only, and more channels than a canvas of 3 x 3 cells may have
    """
    if isinstance(phi, HOG):
        return Features(phi, backgrounds.natural_background(phi), None)
    return _described(prepared(phi, WHITE), channels, str(cache_folder()))


def cells_of(phi: Any, channels: int) -> tuple[int, int]:
    """Pixels from cell to cell, and those that an image has besides a whole number of cells."""
    if isinstance(phi, HOG):
        return phi.cell, 0
    lattice = lattice_of(prepared(phi, WHITE), channels)
    return lattice.cell, lattice.extra


def side_of(function: str, phi: Any) -> int:
    """The most cells a side that an example under all poses may take.

    Raises     ValueError for representations of so many channels that there are none
    """
    if isinstance(phi, HOG):
        return MOST_SIDE
    side = min(MOST_SIDE, int((_MOST_NUMBERS / phi.channels) ** 0.5))
    if side < _LEAST_SIDE:
        most = _MOST_NUMBERS // _LEAST_SIDE**2
        raise ValueError(f"{function}: representation must have at most {most} channels, got {phi.channels}")
    return side


@lru_cache(maxsize=4)
def _described(phi: Any, channels: int, folder: str) -> Features:
    lattice = lattice_of(phi, channels)
    reach = side_of("PoseDetector", phi) - 1
    # A layer is told by its settings and weights; of others only what they make of images is known.
    layer = isinstance(phi, Normalised) and isinstance(phi.phi, Layer)
    seen = b"" if layer else _digest(phi, lattice, channels)
    raw = backgrounds.background_of(phi, lattice, channels, reach, (described(phi), seen), folder)
    centre = raw.covariance[reach, reach]
    scale = channel_scales(torch.from_numpy(np.sqrt(centre.diagonal().clip(min=0))))
    features = Standardised(phi, torch.from_numpy(raw.mean).float(), scale)
    factors = scale.double().numpy()
    covariance = raw.covariance * factors[:, None] * factors
    common = replace(raw, mean=0 * raw.mean, covariance=covariance, ridge=_RIDGE)
    return Features(features, common, lattice)


def maps_of(
    features: Features, poses: Sequence[Transform], channels: int, progress: Progress | None
) -> tuple[Map, ...]:
    """The maps of these poses: HOG's as everyone's, of others those learned on 64 pieces of the photographs, 0..255."""
    backwards = [g.inverse() for g in poses]
    if features.lattice is None:
        return learned_maps(backwards, features.phi, progress=progress)
    size = features.lattice.length(min(_LARGEST, _CELLS * features.lattice.cell))
    photos = data.photographs(data.split.train)
    places = data.windows(photos, _WINDOWS, size, _SEED, reach=size / 2, min_contrast=_MIN_CONTRAST)
    cut = np.stack([window(photos[k].image, centre, size)[0] for k, centre in places])
    support = support_of(features.phi)
    images = planes_of(cut, channels)
    return learned_maps(backwards, features.phi, images, support=support, progress=progress)


def planes_of(images: Any, channels: int) -> Tensor:
    """Colour images (n, h, w, 3) as (n, channels, h, w) float32, gray where there is one channel."""
    planes = torch.from_numpy(np.ascontiguousarray(images)).float().movedim(3, 1)
    return planes.mean(1, keepdim=True) if channels == 1 else planes


def _digest(phi: Any, lattice: Lattice, channels: int) -> bytes:
    """Of what a representation makes of a piece of a photograph."""
    (photo, *_) = data.photographs(data.split.train)
    size = lattice.length(_CELLS * lattice.cell)
    piece = planes_of(photo.image[None, :size, :size], channels)
    with torch.no_grad():
        field = phi(piece)
    return hashlib.sha256(field.detach().cpu().contiguous().numpy().tobytes()).digest()
