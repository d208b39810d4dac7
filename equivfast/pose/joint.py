"""How images look when each pose is undone: by maps of their features, or by warping them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Sampler, Transform
from equivfast.maps import Map
from equivfast.maps.collect import Features
from equivfast.pose.disc import Disc
from equivfast.pose.disc_maps import shares
from equivfast.pose.learned import in_order
from equivfast.pose.photographs import read

_MOSAIC = 4096  # pixels across of the picture in which images lie side by side


def mapped_features(images: Tensor, maps: Sequence[Map], phi: Features, disc: Disc) -> Tensor:
    """M'(phi(disc(x))) for each image and each map, (n, g, d, cells inside the disc).

    Shapes     images (n, size, size) float32
    """
    field = phi(disc(images)[:, None])
    inside = _inside(phi, disc)
    found = torch.empty(len(images), len(maps), maps[0].channels[1], int(inside.sum()))

    def fill(which: Sequence[int]) -> None:
        for k in which:
            found[:, k] = maps[k](field)[:, :, inside]

    list(in_order(fill, shares(len(maps)), phi))
    return found


def warped_features(images: Tensor, poses: Sequence[Transform], phi: Features, disc: Disc) -> Tensor:
    """phi(disc(g^-1 x)) for each image and each pose, (n, g, d, cells inside the disc).

    Shapes     images (n, size, size) float32
    Definition x is the disc of the image on a plane of the disc's mean, so that no pose brings in anything else
    Cost       a warp and a description for each image and pose
    """
    inside = _inside(phi, disc)
    found = torch.empty(len(images), len(poses), phi.channels, int(inside.sum()))
    mosaics = _mosaics(images, poses, disc)

    def fill(which: Sequence[int]) -> None:
        for first, picture, centres in mosaics:
            sampler = Sampler(picture)
            for k in which:
                undone = read(sampler, centres, disc.size, poses[k].inverse())
                found[first : first + len(centres), k] = phi(disc(undone))[:, :, inside]

    list(in_order(fill, shares(len(poses)), phi))
    return found


def _inside(phi: Features, disc: Disc) -> Tensor:
    return torch.from_numpy(disc.inside(phi.grid(disc.size, disc.size)))


def _mosaics(
    images: Tensor, poses: Sequence[Transform], disc: Disc
) -> list[tuple[int, NDArray[np.float32], list[tuple[float, float]]]]:
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
        found.append((first, picture, centres))
    return found
