"""Maps that undo poses under a disc, learned once on photographs of other things."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from equivfast import data
from equivfast.groups import Sampler, Transform, identity, scaling
from equivfast.maps import Map, fit_pairs
from equivfast.maps.collect import Features
from equivfast.pose.disc import Disc
from equivfast.pose.learned import in_order
from equivfast.pose.orbits import Orbits, symmetries, symmetrised

_SEED, _MIN_CONTRAST = 0, 2.0
_SUPPORT, _RIDGE = 3, 1e-3
_EQUAL = 1e-6


@lru_cache(maxsize=4)
def disc_maps(poses: tuple[Transform, ...], phi: Features, disc: Disc, windows: int) -> tuple[Map, ...]:
    """For each pose the map of its inverse, learned under the disc: phi(disc(g^-1 x)) from phi(disc(x)).

    Shapes     g poses -> g shared maps of a 3 x 3 neighbourhood, cells moved by bilinear weights
    Definition ridge on `windows` windows of the embedded photographs that are there to learn from, gray, 0..1; what a
               turn brings in comes from the photograph, and the disc is put on after it. What exact symmetries of phi
               carry into each other is learned once, as by :func:`learned_maps`: of turns those by 0 to 90 degrees
    Cost       some 1 ms for each pose learned and window; the maps of the last few sets of poses are kept
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
        (photos[k].image.astype(np.float32).mean(2) / 255, [centre for _, centre in part])
        for k, part in groupby(places, key=lambda place: place[0])
    ]

    def field(samplers: list[Sampler], g: Transform) -> Tensor:
        pairs = zip(samplers, parts, strict=True)
        return phi(disc(torch.cat([read(s, centres, disc.size, g) for s, (_, centres) in pairs])))

    grid = phi.grid(disc.size, disc.size)
    moves = symmetries(phi, grid)
    orbits = Orbits([g.inverse() for g in poses], moves)
    order = list(orbits.representatives.values())

    def learn(which: Sequence[int]) -> list[Map]:
        samplers, found = [Sampler(photo) for photo, _ in parts], []
        upright = field(samplers, identity())
        for back in (order[k] for k in which):
            pair = (upright, field(samplers, back))
            how: dict[str, Any] = {"support": _SUPPORT, "interpolation": "bilinear", "ridge": _RIDGE}
            m = fit_pairs([pair], back, grid, grid, "ridge", **how)
            found.append(symmetrised(m, moves, phi))
        return found

    learned = (m for some in in_order(learn, shares(len(order)), phi) for m in some)
    return orbits.maps(dict(zip(orbits.representatives, learned, strict=True)), phi)


def read(sampler: Sampler, centres: list[tuple[float, float]], size: int, g: Transform) -> Tensor:
    """`Sampler.windows`; where g shrinks in one direction only, the means of 2 x 2 samples for each pixel.

    For those the sampler's filter would take windows one by one.
    """
    largest, least = np.linalg.svd(g.inverse().linear, compute_uv=False)
    if largest <= 1 + _EQUAL or largest - least <= _EQUAL:
        return sampler.windows(centres, size, g)
    return avg_pool2d(sampler.windows(centres, 2 * size, scaling(2) @ g), 2)


def shares(count: int) -> list[Sequence[int]]:
    """The numbers up to `count` for as many workers as torch has threads; each has samplers of its own."""
    workers = min(max(1, torch.get_num_threads()), max(count, 1))
    return [part.tolist() for part in np.array_split(np.arange(count), workers)]
