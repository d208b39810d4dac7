"""Fields brought to a size and a scale that poses are learned from: averaged over cells, channels made alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from equivfast.groups import Grid, Transform, identity
from equivfast.pose.disc import Disc
from equivfast.pose.photographs import Photographs
from equivfast.pose.prepared import described

_WINDOWS = 64  # of photographs: some ten thousand cells
_DEAD = 1e-6  # a channel that varies less than this share of the liveliest one says nothing


@dataclass(frozen=True)
class Pooled:
    """phi averaged over `side` x `side` cells; rows and columns that are left over at the end fall away.

    Shapes     images -> (n, d, H // side, W // side)
    Raises     ValueError from `grid` for images with fewer cells than that

    >>> from equivfast.representations import HOG
    >>> phi = Pooled(HOG(), 2)
    >>> phi(torch.zeros(1, 1, 64, 64)).shape, phi.grid(64, 64)
    (torch.Size([1, 31, 4, 4]), Grid(height=4, width=4, stride=16.0, offset=(-24.0, -24.0)))
    """

    phi: Any
    side: int

    @property
    def channels(self) -> int:
        return int(self.phi.channels)

    @property
    def settings(self) -> dict[str, Any]:
        """What a report says about this representation."""
        return {**described(self.phi), "pooled": self.side}

    def __call__(self, images: Tensor) -> Tensor:
        return avg_pool2d(self.phi(images), self.side)

    def grid(self, height: int, width: int) -> Grid:
        inner, side = self.phi.grid(height, width), self.side
        (x, y), shift = inner.offset, (side - 1) / 2 * inner.stride
        return Grid(inner.height // side, inner.width // side, side * inner.stride, (x + shift, y + shift))

    def channel_action(self, g: Transform) -> Any:
        return self.phi.channel_action(g)


@dataclass(frozen=True, eq=False)
class Standardised:
    """phi with every channel centred and scaled: (phi(x) - mean) * scale.

    Shapes     mean, scale (d,) float32
    Symmetry   `channel_action` is None: what the channels of photographs have in common need not be symmetric
    """

    phi: Any
    mean: Tensor
    scale: Tensor

    @property
    def channels(self) -> int:
        return int(self.phi.channels)

    @property
    def settings(self) -> dict[str, Any]:
        """What a report says about this representation."""
        return {**described(self.phi), "standardised": True}

    def __call__(self, images: Tensor) -> Tensor:
        field = self.phi(images)
        mean, scale = (part.to(field)[:, None, None] for part in (self.mean, self.scale))
        return (field - mean) * scale

    def grid(self, height: int, width: int) -> Grid:
        found: Grid = self.phi.grid(height, width)
        return found

    def channel_action(self, g: Transform) -> None:
        """None: maps are learned."""


@lru_cache(maxsize=4)
def standardised(phi: Any, disc: Disc) -> Standardised:
    """phi on the scale that regularization is meant for, whatever numbers its channels have.

    Definition mean and deviation of every channel over the cells inside the disc, on pieces of the embedded photographs
               that are there to learn from; every channel is centred and gets the variance 1 / d, so that a cell of any
               representation has the variance 1 in all. Channels that do not vary there become 0
    """
    photographs = Photographs.of(disc.size, (identity(),), _WINDOWS)
    with torch.no_grad():
        field = phi(disc(photographs.read(photographs.samplers(), identity())))
    inside = torch.from_numpy(disc.inside(phi.grid(disc.size, disc.size)))
    deviation, mean = torch.std_mean(field[:, :, inside].double(), dim=(0, 2), correction=0)
    return Standardised(phi, mean.float(), channel_scales(deviation))


def channel_scales(deviation: Tensor) -> Tensor:
    """(d,) float32: what brings channels of these deviations to the variance 1 / d; 0 for dead ones."""
    alive = deviation > _DEAD * deviation.max().clamp(min=torch.finfo(torch.float32).tiny)
    lengths = torch.where(alive, deviation, 1.0) * len(deviation) ** 0.5
    return torch.where(alive, 1 / lengths, 0.0).float()
