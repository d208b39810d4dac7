"""Maps that undo poses under a disc, learned once on photographs of other things."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast.groups import Sampler, Transform, identity
from equivfast.maps import Map, fit_pairs
from equivfast.maps.collect import Features
from equivfast.pose.disc import Disc
from equivfast.pose.learned import in_order
from equivfast.pose.orbits import Orbits, symmetries, symmetrised
from equivfast.pose.photographs import Photographs

_RIDGE = 1e-3
# Of a map; solving takes their third power. Heads are turned by 64 channels of a network with a mean error of 7.5
# degrees where 3 x 3 cells are read, of 10.7 where one is.
_MOST_INPUTS = 600


@lru_cache(maxsize=4)
def disc_maps(poses: tuple[Transform, ...], phi: Features, disc: Disc, windows: int) -> tuple[Map, ...]:
    """For each pose the map of its inverse, learned under the disc: phi(disc(g^-1 x)) from phi(disc(x)).

    Shapes     g poses -> g shared maps of a 3 x 3 neighbourhood (of single cells beyond 66 channels), cells moved by
               bilinear weights
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
    photographs = Photographs.of(disc.size, poses, windows)

    def field(samplers: list[Sampler], g: Transform) -> Tensor:
        return phi(disc(photographs.read(samplers, g)))

    grid = phi.grid(disc.size, disc.size)
    moves = symmetries(phi, grid)
    orbits = Orbits([g.inverse() for g in poses], moves)
    order = list(orbits.representatives.values())

    def learn(which: Sequence[int]) -> list[Map]:
        samplers, found = photographs.samplers(), []
        upright = field(samplers, identity())
        for back in (order[k] for k in which):
            pair = (upright, field(samplers, back))
            how: dict[str, Any] = {"support": support_of(phi), "interpolation": "bilinear", "ridge": _RIDGE}
            m = fit_pairs([pair], back, grid, grid, "ridge", **how)
            found.append(symmetrised(m, moves, phi))
        return found

    learned = (m for some in in_order(learn, shares(len(order)), phi) for m in some)
    return orbits.maps(dict(zip(orbits.representatives, learned, strict=True)), phi)


def support_of(phi: Features) -> int:
    """Cells a side that a map reads: 3; 1 where there are so many channels that 3 would mean thousands of inputs."""
    return 3 if 9 * phi.channels <= _MOST_INPUTS else 1


def shares(count: int) -> list[Sequence[int]]:
    """The numbers up to `count` for as many workers as torch has threads; each has samplers of its own."""
    workers = min(max(1, torch.get_num_threads()), max(count, 1))
    return [part.tolist() for part in np.array_split(np.arange(count), workers)]
