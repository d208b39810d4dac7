"""Pieces of the embedded photographs, read through poses: what maps under a disc are learned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from equivfast import data
from equivfast.groups import Sampler, Transform, identity, scaling

_SEED, _MIN_CONTRAST = 0, 2.0
_EQUAL = 1e-6

Centres = list[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs to learn from, gray, 0..1, each with the centres of its pieces of size x size pixels."""

    size: int
    parts: tuple[tuple[NDArray[np.float32], Centres], ...]

    @classmethod
    def of(cls, size: int, poses: Sequence[Transform], windows: int) -> Photographs:
        """So many pieces, chosen so that all that the poses read lies in their photographs.

        Raises     ValueError where they do not fit
        """
        photos = data.photographs(data.split.train)
        corner = (size - 1) / 2 * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
        reach = max(float(np.hypot(*g(corner).T).max()) for g in (identity(), *poses)) + 1
        places = data.windows(photos, windows, size, _SEED, reach, _MIN_CONTRAST)
        parts = [
            (photos[k].image.astype(np.float32).mean(2) / 255, [centre for _, centre in part])
            for k, part in groupby(places, key=lambda place: place[0])
        ]
        return cls(size, tuple(parts))

    def samplers(self) -> list[Sampler]:
        """New ones: several threads do not share them."""
        return [Sampler(photo) for photo, _ in self.parts]

    def read(self, samplers: Sequence[Sampler], g: Transform) -> Tensor:
        """All pieces, each transformed about its centre, (n, 1, size, size)."""
        pairs = zip(samplers, self.parts, strict=True)
        return torch.cat([read(sampler, centres, self.size, g) for sampler, (_, centres) in pairs])


def read(sampler: Sampler, centres: Centres, size: int, g: Transform) -> Tensor:
    """`Sampler.windows`; where g shrinks in one direction only, the means of 2 x 2 samples for each pixel.

    For those the sampler's filter would take windows one by one.
    """
    largest, least = np.linalg.svd(g.inverse().linear, compute_uv=False)
    if largest <= 1 + _EQUAL or largest - least <= _EQUAL:
        return sampler.windows(centres, size, g)
    return avg_pool2d(sampler.windows(centres, 2 * size, scaling(2) @ g), 2)
