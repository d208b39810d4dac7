"""Features whose maps are known: one filter turned four times, the same averaged over turns, and unrelated filters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from equivfast import maps
from equivfast.groups import Grid, Transform, warp

Features = Callable[[Tensor], Tensor]
ORBITS = 3


def _filtered(images: Tensor, filters: Tensor) -> Tensor:
    """36 x 36 images -> 8 x 8 cells: 5 x 5 filters, ReLU, means of 4 x 4; steps that turn with the image."""
    return functional.avg_pool2d(functional.conv2d(images, filters).relu(), 4)


def _filters(seed: int, count: int) -> Tensor:
    return torch.randn(count, 1, 5, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def steerable() -> Features:
    """12 channels: channel 4 k + r is filter k turned r times by 90 degrees."""
    filters = _filters(0, ORBITS)
    turned = torch.stack([filters.rot90(r, (2, 3)) for r in range(4)], 1).flatten(0, 1)
    return lambda images: _filtered(images, turned)


@pytest.fixture
def pooled(steerable: Features) -> Features:
    """3 channels, the means of the orbits: invariant."""
    return lambda images: steerable(images).unflatten(1, (ORBITS, 4)).mean(2)


@pytest.fixture
def unrelated() -> Features:
    """12 channels of filters that have nothing to do with each other."""
    return lambda images: _filtered(images, _filters(1, 4 * ORBITS))


@pytest.fixture
def images() -> Tensor:
    """Smooth noise, brighter in the middle, so that means are not 0."""
    noise = torch.randn(24, 1, 36, 36, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    kernel = torch.ones(1, 1, 3, 3, dtype=torch.float64) / 9
    return functional.conv2d(functional.pad(noise, (1, 1, 1, 1), "reflect"), kernel) + 0.5


@pytest.fixture
def pairs_of(images: Tensor) -> Callable[[Features, Transform], tuple[Tensor, Tensor]]:
    """The fields phi(x) and phi(g x)."""
    return lambda phi, g: (phi(images), phi(warp(images, g)[0]))


@pytest.fixture
def statistics_of(
    pairs_of: Callable[[Features, Transform], tuple[Tensor, Tensor]],
) -> Callable[[Features, Transform], maps.Statistics]:
    def make(phi: Features, g: Transform) -> maps.Statistics:
        x, y = pairs_of(phi, g)
        grid = Grid.centred(*x.shape[2:], 4)
        return maps.Statistics(g, grid, grid, (x.shape[1], y.shape[1]), support=1).update(x, y)

    return make


@pytest.fixture
def map_of() -> Callable[..., maps.Map]:
    """A shared map with this matrix: (c, c) or (c, c, m, m)."""

    def make(weight: np.ndarray, g: Transform, bias: np.ndarray | None = None) -> maps.Map:
        c, support = len(weight), weight.shape[2] if weight.ndim == 4 else 1
        grid = Grid.centred(6, 6, 8)
        return maps.Map(
            kind="shared",
            g=g,
            method="planted",
            weight=weight.reshape(c, -1),
            bias=np.zeros(c) if bias is None else bias,
            channels=(c, c),
            source=grid,
            target=grid,
            support=support,
        )

    return make
