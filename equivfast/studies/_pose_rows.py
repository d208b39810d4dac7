"""From errors to numbers with intervals: heads are drawn with replacement, the same ones for all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DRAWS = 1000
_ENDS = [0.05, 0.95]
INTERVAL = "the 90 % bootstrap interval, heads drawn with replacement, the same heads for all rows"

Floats = NDArray[np.float64]


class Bootstrap:
    """Draws of heads, and what they make of the errors of the heads' test copies.

    Shapes     head_of (n,): the head of each error; heads: how many there are. Errors (n,)
    Definition a draw counts each error as often as its head is drawn; a median is the lowest error that, with all
               below it, makes half of the counted ones

    >>> draws = Bootstrap(np.array([0, 0, 1, 1]), seed=0)
    >>> found = draws.mean(np.array([1.0, 1.0, 3.0, 3.0]))
    >>> found["mean"], found["low"], found["high"]
    (2.0, 1.0, 3.0)
    """

    def __init__(self, head_of: NDArray[np.int64], seed: int) -> None:
        present, self.place = np.unique(head_of, return_inverse=True)
        drawn = np.random.default_rng([seed, 4]).integers(len(present), size=(_DRAWS, len(present)))
        rows = np.arange(_DRAWS)[:, None] * len(present)
        counts = np.bincount((rows + drawn).ravel(), minlength=_DRAWS * len(present))
        self.counts = counts.reshape(_DRAWS, -1)[:, self.place].astype(np.float64)  # (draws, n)

    def means(self, errors: Floats) -> Floats:
        found: Floats = self.counts @ errors / self.counts.sum(1)
        return found

    def medians(self, errors: Floats) -> Floats:
        order = np.argsort(errors, kind="stable")
        reached = np.cumsum(self.counts[:, order], axis=1)
        found: Floats = errors[order][(reached >= reached[:, -1:] / 2).argmax(1)]
        return found

    def mean(self, errors: Floats) -> dict[str, float]:
        return _interval(errors.mean(), self.means(errors))

    def median(self, errors: Floats) -> dict[str, float]:
        return _interval(np.median(errors), self.medians(errors))

    def gap(self, errors: Floats, others: Floats) -> dict[str, dict[str, float]]:
        """errors - others, of the means and of the medians."""
        mean, median = errors.mean() - others.mean(), np.median(errors) - np.median(others)
        return {
            "mean": _interval(mean, self.means(errors) - self.means(others)),
            "median": _interval(median, self.medians(errors) - self.medians(others)),
        }


def row(name: str, errors: Floats, grid: Floats | None, near: float, draws: Bootstrap) -> dict[str, Any]:
    """One row of a task's table; `grid`: the errors of the poses of the set, without steps between them."""
    coarse = None
    if grid is not None:
        within = float((grid <= near).mean())
        coarse = {"mean": float(grid.mean()), "median": float(np.median(grid)), "within": within}
    return {
        "name": name,
        "mean": draws.mean(errors),
        "median": draws.median(errors),
        "within": draws.mean((errors <= near).astype(np.float64)),
        "grid": coarse,
    }


def cumulative(limits: tuple[float, ...], errors: dict[str, Floats]) -> dict[str, Any]:
    """For each row the share of errors at or below each limit."""
    series = {name: [float((e <= limit).mean()) for limit in limits] for name, e in errors.items()}
    return {"limits": list(limits), "series": series}


def _interval(value: Any, drawn: Floats) -> dict[str, float]:
    low, high = np.quantile(drawn, _ENDS)
    return {"mean": float(value), "low": float(low), "high": float(high)}
