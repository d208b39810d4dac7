"""Smooth images, filters whose symmetry is known, and what holds of every error budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from equivfast.measures import Budget

PARTS = ("border", "interpolation", "phase", "real")


def smooth(n: int = 6, c: int = 1, h: int = 32, w: int = 32, sigma: float = 2.0, seed: int = 0) -> Tensor:
    r = int(3 * sigma)
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, c, h + 2 * r, w + 2 * r)))
    return blur(noise, sigma, r)[:, :, r:-r, r:-r].contiguous() * 10


def blur(x: Tensor, sigma: float = 1.0, r: int = 3) -> Tensor:
    """An isotropic Gaussian with zeros outside."""
    line = torch.exp(-torch.arange(-r, r + 1, dtype=x.dtype).square() / (2 * sigma**2))
    kernel = (torch.outer(line, line) / line.sum() ** 2)[None, None]
    return functional.conv2d(x, kernel.repeat(x.shape[1], 1, 1, 1), padding=r, groups=x.shape[1])


def slopes(x: Tensor) -> Tensor:
    """Differences to the right and downwards: a vector field, zeros outside."""
    across = torch.tensor([[0.0, 0, 0], [-1, 0, 1], [0, 0, 0]], dtype=x.dtype)
    return functional.conv2d(x, torch.stack([across, across.T])[:, None], padding=1)


def share(residual: Tensor, y: Tensor) -> float:
    return float(residual.square().sum() / (y - y.mean((0, 2, 3), keepdim=True)).square().sum())


def sound(budget: Budget) -> Budget:
    """What holds of every budget."""
    assert all(getattr(budget, part) >= 0 for part in PARTS)
    assert sum(getattr(budget, part) for part in PARTS) == pytest.approx(budget.total, abs=1e-12)
    for name in ("total", *PARTS):
        assert 0 <= budget.low[name] <= getattr(budget, name) <= budget.high[name] < np.inf
    return budget
