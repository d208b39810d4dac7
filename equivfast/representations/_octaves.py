"""What a pyramid is made of: its scales, images resampled to them, and features brought from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag, interpolate

from equivfast.groups import Grid
from equivfast.representations.hog import HOG

_CUBIC = -0.5  # Keys' kernel of third order, the one of torch's anti-aliased bicubic


@dataclass(frozen=True)
class Place:
    """A scale: the level's sides in pixels and where its cells lie on its canvas."""

    scale: float
    size: tuple[int, int]
    grid: Grid


@lru_cache(maxsize=64)
def plan(
    phi: HOG, height: int, width: int, per_octave: int, smallest: int, octaves_up: int
) -> tuple[tuple[Place, ...], Place | None]:
    """The levels of a pyramid, and the whole octave after the last one, which the approximation looks at."""

    def place(k: int) -> Place | None:
        octave, part = divmod(k, per_octave)
        # Twice this scale is to be that of the level an octave above, to the last bit.
        scale = 2.0 ** (octaves_up - octave) * 2.0 ** -(part / per_octave)
        size = int(height * scale + 0.5), int(width * scale + 0.5)
        try:
            return Place(scale, size, phi.grid(*size))
        except ValueError:  # no cell fits
            return None

    places: list[Place] = []
    while (level := place(len(places))) and min(level.grid.height, level.grid.width) >= smallest:
        places.append(level)
    octave = -(-(len(places) - 1) // per_octave) * per_octave  # the last level, or the first octave below it
    return tuple(places), place(octave) if octave >= len(places) > 0 else None


def resampled(images: torch.Tensor, places: Sequence[Place]) -> list[torch.Tensor]:
    """The images (n, c, h, w) at those sizes: from twice the scale where that is among them, else from the images.

    Halving again and again costs less than starting from the image and departs from it little; a scale above 1/2
    has nothing sharper to start from.
    """
    planes = (images.float() if images.dtype == torch.uint8 else images).contiguous()
    found: dict[float, torch.Tensor] = {}
    for place in places:
        source = found.get(2 * place.scale, planes) if place.scale <= 0.5 else planes
        if place.size == tuple(planes.shape[2:]):
            found[place.scale] = planes
        else:
            found[place.scale] = interpolate(source, size=place.size, mode="bicubic", antialias=True)
    return list(found.values())


def between(
    places: Sequence[Place],
    octaves: Mapping[Place, torch.Tensor],
    per_octave: int,
    exponents: NDArray[np.float64] | None,
) -> list[torch.Tensor]:
    """The fields of all places from those of whole octaves: both neighbours, blended in proportion to log scale."""
    known = list(octaves)
    found = []
    for k, place in enumerate(places):
        octave, part = divmod(k, per_octave)
        if not part:
            found.append(octaves[place])
            continue
        field = _brought(octaves[known[octave]], known[octave], place, exponents)
        if octave + 1 < len(known):  # there is none below where not even one cell fits
            below = _brought(octaves[known[octave + 1]], known[octave + 1], place, exponents)
            field.lerp_(below, part / per_octave)
        # A cubic falls below 0 beside a peak; features do not.
        found.append(field.clamp_(min=0).permute(0, 3, 1, 2))
    return found


def _brought(
    field: torch.Tensor, source: Place, target: Place, exponents: NDArray[np.float64] | None
) -> torch.Tensor:
    """A field (n, d, H, W) in layout "cells" at another scale's cells, (n, H', W', d), times the power law."""
    (rows, down), (columns, across) = (_along(source, target, axis, field.dtype) for axis in (0, 1))
    (n, d, H, W), padded = field.shape, field.stride(3)
    lines = field.as_strided((n, H, W * padded), (H * W * padded, W * padded, 1))
    index = torch.arange(len(rows), dtype=torch.int32)[:, None, None] * W + columns
    weight = across.expand(len(rows), -1, -1).reshape(-1, 4)
    # The channels of a cell lie together: a tap is one run of memory. A tenth of the time of products of matrices.
    moved = [
        embedding_bag(index.view(-1, 4), down_first.view(-1, padded), per_sample_weights=weight, mode="sum")
        for down_first in (embedding_bag(rows, one, per_sample_weights=down, mode="sum") for one in lines)
    ]
    fields = torch.stack(moved).view(n, len(rows), len(columns), padded)[..., :d]
    if exponents is not None:
        fields *= torch.from_numpy((target.scale / source.scale) ** -exponents).to(field.dtype)
    return fields


@lru_cache(maxsize=1024)
def _along(source: Place, target: Place, axis: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The four cells of an axis, and their weights, around each of the target's; the cells of the edge repeat."""
    count, cells = ((grid.height, grid.width)[axis] for grid in (target.grid, source.grid))
    first, start = (grid.offset[1 - axis] for grid in (target.grid, source.grid))
    # Resampling maps canvas onto canvas, so in centred coordinates one level is the other one scaled.
    points = (first + target.grid.stride * np.arange(count)) * (source.size[axis] / target.size[axis])
    place = np.clip((points - start) / source.grid.stride, 0, cells - 1)
    taps = np.floor(place).astype(np.int32)[:, None] + np.arange(-1, 3, dtype=np.int32)
    weight = torch.from_numpy(_keys(place[:, None] - taps)).to(dtype)
    return torch.from_numpy(np.clip(taps, 0, cells - 1)), weight


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys 1981: the interpolating cubic of third order, 0 from distance 2 on."""
    t, a = np.abs(distance), _CUBIC
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))
