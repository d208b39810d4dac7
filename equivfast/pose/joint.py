"""How images look when each pose is undone: by maps of their features, or by warping them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from equivfast import data
from equivfast.groups import Sampler, Transform, identity
from equivfast.maps import Map, fit_pairs
from equivfast.maps.collect import Features
from equivfast.pose.disc import Disc

_SEED, _MIN_CONTRAST = 0, 2.0
_SUPPORT, _RIDGE = 3, 1e-3
_MOSAIC = 4096  # pixels across of the picture in which images lie side by side


@lru_cache(maxsize=4)
def disc_maps(poses: tuple[Transform, ...], phi: Features, disc: Disc, windows: int) -> tuple[Map, ...]:
    """For each pose the map of its inverse, learned under the disc: phi(disc(g^-1 x)) from phi(disc(x)).

    Shapes     g poses -> g shared maps of a 3 x 3 neighbourhood, cells moved by bilinear weights
    Definition ridge on `windows` windows of the embedded photographs that are there to learn from, gray, 0..1; what a
               turn brings in comes from the photograph, and the disc is put on after it
    Cost       some 1 ms for each pose and window; the maps of the last few sets of poses are kept
    Raises     ValueError where the windows, with all that the poses bring in, do not fit into the photographs

    >>> from equivfast import groups
    >>> from equivfast.representations import HOG
    >>> (m,) = disc_maps((groups.rotation(20),), HOG(), Disc(64), windows=30)
    >>> m.g.name, m.kind, m.channels
    ('rot:-20', 'shared', (31, 31))
    """
    photos = data.photographs(data.split.train)
    corner = (disc.size - 1) / 2 * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    reach = max(float(np.hypot(*g(corner).T).max()) for g in (identity(), *poses)) + 1
    places = data.windows(photos, windows, disc.size, _SEED, reach, _MIN_CONTRAST)
    parts = [
        (Sampler(photos[k].image.mean(2).astype(np.float32) / 255), [centre for _, centre in part])
        for k, part in groupby(places, key=lambda place: place[0])
    ]

    def field(g: Transform) -> Tensor:
        return phi(disc(torch.cat([sampler.windows(centres, disc.size, g) for sampler, centres in parts])))

    grid, upright, found = phi.grid(disc.size, disc.size), field(identity()), []
    for g in poses:
        back = g.inverse()
        pair = (upright, field(back))
        found.append(
            fit_pairs(
                [pair], back, grid, grid, "ridge", support=_SUPPORT, interpolation="bilinear", ridge=_RIDGE
            )
        )
    return tuple(found)


def mapped_features(images: Tensor, maps: Sequence[Map], phi: Features, disc: Disc) -> Tensor:
    """M'(phi(disc(x))) for each image and each map, (n, g, d, cells inside the disc).

    Shapes     images (n, size, size) float32
    """
    field = phi(disc(images)[:, None])
    inside = _inside(phi, disc)
    found = torch.empty(len(images), len(maps), maps[0].channels[1], int(inside.sum()))
    for k, m in enumerate(maps):
        found[:, k] = m(field)[:, :, inside]
    return found


def warped_features(images: Tensor, poses: Sequence[Transform], phi: Features, disc: Disc) -> Tensor:
    """phi(disc(g^-1 x)) for each image and each pose, (n, g, d, cells inside the disc).

    Shapes     images (n, size, size) float32
    Definition x is the disc of the image on a plane of the disc's mean, so that no pose brings in anything else
    Cost       a warp and a description for each image and pose
    """
    inside = _inside(phi, disc)
    found = torch.empty(len(images), len(poses), phi.channels, int(inside.sum()))
    for first, sampler, centres in _mosaics(images, poses, disc):
        for k, g in enumerate(poses):
            undone = sampler.windows(centres, disc.size, g.inverse())
            found[first : first + len(centres), k] = phi(disc(undone))[:, :, inside]
    return found


def _inside(phi: Features, disc: Disc) -> Tensor:
    return torch.from_numpy(disc.inside(phi.grid(disc.size, disc.size)))


def _mosaics(
    images: Tensor, poses: Sequence[Transform], disc: Disc
) -> list[tuple[int, Sampler, list[tuple[float, float]]]]:
    """Discs side by side in pictures, each on its own plane, as far apart as the poses read; (index of the first,
    picture, centres).

    Of one picture a Sampler reads many windows at once, faster than many pictures are warped.
    """
    size = disc.size
    corner = (size - 1) / 2 * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    reach = max(float(np.abs(g(corner)).max()) for g in poses)
    side = size + 2 * max(0, math.ceil(reach - (size - 1) / 2) + 2)
    across = max(1, _MOSAIC // side)
    tapered, means = disc(images), disc.mean(images)
    margin, found = (side - size) // 2, []
    for first in range(0, len(images), across * across):
        some = tapered[first : first + across * across]
        rows, columns = math.ceil(len(some) / across), min(len(some), across)
        picture = np.zeros((rows * side, columns * side), np.float32)
        centres = []
        for i, tile in enumerate(some):
            top, left = i // across * side, i % across * side
            picture[top : top + side, left : left + side] = float(means[first + i])
            picture[top + margin : top + margin + size, left + margin : left + margin + size] = tile.numpy()
            centres.append((left + (side - 1) / 2, top + (side - 1) / 2))
        found.append((first, Sampler(picture), centres))
    return found
