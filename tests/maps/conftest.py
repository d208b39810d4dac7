"""Planted maps: pairs of fields made by loops, from coefficients that a fit has to find again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from equivfast.groups import Grid, Transform, grid_action, neighbourhood

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """y = weight x + bias exactly; weight and bias have the shapes of a Map's."""

    g: Transform
    source: Grid
    target: Grid
    weight: Array
    bias: Array
    x: Array
    y: Array

    @property
    def channels(self) -> tuple[int, int]:
        return self.x.shape[1], self.y.shape[1]


def _sparse(rng: np.random.Generator, shape: tuple[int, ...], nonzeros: int | None) -> Array:
    """Numbers of size 1; `nonzeros` of each row, or all."""
    values = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)
    if nonzeros is not None and nonzeros < shape[1]:
        for row in values:
            row[rng.permutation(shape[1])[nonzeros:]] = 0
    return values


@pytest.fixture
def planted_window() -> Callable[..., Planted]:
    def make(
        g: Transform,
        size: int,
        inner: int,
        support: int,
        *,
        n: int = 200,
        nonzeros: int | None = None,
        seed: int = 0,
    ) -> Planted:
        rng, c, d = np.random.default_rng(seed), 3, 2
        source, target = Grid.centred(size, size, 8), Grid.centred(inner, inner, 8)
        near = neighbourhood(g, source, target, support).reshape(inner * inner, -1)
        weight = np.zeros((d * inner * inner, c * size * size))
        for cell, seen in enumerate(near):
            inputs = [channel * size * size + int(s) for channel in range(c) for s in seen if s >= 0]
            weight[[channel * inner * inner + cell for channel in range(d)]] = 0
            for channel in range(d):
                weight[channel * inner * inner + cell, inputs] = _sparse(rng, (1, len(inputs)), nonzeros)[0]
        bias = rng.normal(size=len(weight))
        x = rng.normal(size=(n, c, size, size)) + rng.normal(size=(c, 1, 1))
        y = (x.reshape(n, -1) @ weight.T + bias).reshape(n, d, inner, inner)
        return Planted(g, source, target, weight, bias, x, y)

    return make


@pytest.fixture
def planted_shared() -> Callable[..., Planted]:
    def make(
        g: Transform,
        height: int,
        width: int,
        m: int,
        *,
        n: int = 40,
        nonzeros: int | None = None,
        seed: int = 0,
    ) -> Planted:
        rng, c, d, r = np.random.default_rng(seed), 3, 2, m // 2
        grid = Grid.centred(height, width, 8)
        weight, bias = _sparse(rng, (d, c * m * m), nonzeros), rng.normal(size=d)
        x = rng.normal(size=(n, c, height, width)) + rng.normal(size=(c, 1, 1))
        wide = Grid.centred(height + 2 * r, width + 2 * r, 8)
        index = grid_action(g, grid, wide).index[..., 0]
        moved = np.where(index >= 0, x.reshape(n, c, -1)[:, :, index], 0)
        y = np.empty((n, d, height, width))
        for i in range(height):
            for j in range(width):
                patch = moved[:, :, i : i + m, j : j + m].reshape(n, -1)
                y[:, :, i, j] = patch @ weight.T + bias
        return Planted(g, grid, grid, weight, bias, x, y)

    return make
