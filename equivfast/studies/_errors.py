"""How far M phi(x) is from phi(g x) on held-out windows, with an interval."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import maps

_DRAWS = 1000
INTERVAL = "the 90 % bootstrap interval, photographs drawn with replacement"


def interval(values: NDArray[np.float64], photo_of: NDArray[np.int64], seed: int) -> dict[str, float]:
    """Mean over windows with its 90 % interval, photographs drawn with replacement.

    Windows of one photograph resemble each other, so photographs are drawn, each with all its windows. The same seed
    draws the same photographs: differences of two methods are paired.
    """
    sums, counts = np.bincount(photo_of, values), np.bincount(photo_of)
    present = np.flatnonzero(counts)
    drawn = np.random.default_rng(seed).choice(present, (_DRAWS, len(present)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), [0.05, 0.95])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def window_errors(predicted: torch.Tensor, target: torch.Tensor) -> NDArray[np.float64]:
    """Mean Hellinger distance over the cells of each window."""
    errors: NDArray[np.float64] = maps.hellinger(predicted, target).mean(axis=(1, 2))
    return errors


def differences(predicted: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    """What the Hellinger distance does not say: relative l2, largest difference, share of clipped features."""
    return {
        "relative_l2": maps.relative_l2(predicted, target),
        "max_abs": float((predicted - target).abs().max()),
        "clipped_share": maps.clipped_share(predicted),
    }
