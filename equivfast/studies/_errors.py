"""How far M phi(x) is from phi(g x) on held-out windows, with an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import maps

_DRAWS = 1000
INTERVAL = "the 90 % bootstrap interval, photographs drawn with replacement"


def bootstrap_interval(
    values: NDArray[np.float64], photo_of: NDArray[np.int64], seed: int
) -> tuple[float, float]:
    """90 % interval of the mean over windows, photographs drawn with replacement.

    Windows of one photograph resemble each other, so photographs are drawn, each with all its windows.
    """
    sums = np.bincount(photo_of, values)
    counts = np.bincount(photo_of)
    present = np.flatnonzero(counts)
    drawn = np.random.default_rng(seed).choice(present, (_DRAWS, len(present)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.05, 0.95])
    return float(low), float(high)


def measure(
    predicted: torch.Tensor, target: torch.Tensor, photo_of: NDArray[np.int64], names: list[str], seed: int
) -> dict[str, Any]:
    """The figures of one method: Hellinger distance (interval, per photograph), relative l2, largest difference."""
    per_window = maps.hellinger(predicted, target).mean(axis=(1, 2))
    low, high = bootstrap_interval(per_window, photo_of, seed)
    return {
        "hellinger": {"mean": float(per_window.mean()), "low": low, "high": high},
        "relative_l2": maps.relative_l2(predicted, target),
        "max_abs": float((predicted - target).abs().max()),
        "clipped_share": maps.clipped_share(predicted),
        "per_photo": {names[i]: float(per_window[photo_of == i].mean()) for i in np.unique(photo_of)},
    }
