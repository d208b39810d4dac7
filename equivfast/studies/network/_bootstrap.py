"""Means and ratios of sums over images, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DRAWS = 1000
_ENDS = [0.025, 0.975]
# Numbers that are drawn at once.
_TOGETHER = 1 << 22
INTERVAL = "the 95 % bootstrap interval, test images drawn with replacement, the same ones for all methods"

Floats = NDArray[np.float64]
Interval = dict[str, float]


class Bootstrap:
    """Draws of images with replacement, the same ones whatever is asked.

    >>> draws = Bootstrap(4, seed=0)
    >>> draws.means(np.array([[1.0], [1.0], [1.0], [1.0]]))
    [{'mean': 1.0, 'low': 1.0, 'high': 1.0}]
    """

    def __init__(self, images: int, seed: int) -> None:
        self.images, self.seed = images, seed

    def sums(self, columns: Floats) -> Floats:
        """Sums (draws, k) of columns (n, k) over the images of each draw."""
        draw = np.random.default_rng([self.seed, self.images])
        found = np.empty((_DRAWS, columns.shape[1]))
        step = max(1, _TOGETHER // self.images)
        for start in range(0, _DRAWS, step):
            rows = min(step, _DRAWS - start)
            picked = (
                draw.integers(self.images, size=(rows, self.images)) + self.images * np.arange(rows)[:, None]
            )
            counts = np.bincount(picked.ravel(), minlength=rows * self.images).reshape(rows, self.images)
            found[start : start + rows] = counts @ columns
        return found

    def means(self, columns: Floats) -> list[Interval]:
        """The mean of each column (n, k) with its interval."""
        return _intervals(columns.mean(0), self.sums(columns) / self.images)

    def ratios(self, above: Floats, below: Floats) -> list[Interval]:
        """sum above / sum below of each column (n, k); 0 where both are 0."""
        sums, both = self.sums(above), self.sums(below)
        return _intervals(_divided(above.sum(0), below.sum(0)), _divided(sums, both))


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _intervals(means: Floats, drawn: Floats) -> list[Interval]:
    low, high = np.quantile(drawn, _ENDS, axis=0)
    return [
        {"mean": float(m), "low": float(a), "high": float(b)}
        for m, a, b in zip(means, low, high, strict=True)
    ]
