"""The one regression behind a shared map: its moments, and the map of its solution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.maps.map import Map
from equivfast.maps.moments import Moments
from equivfast.maps.statistics import Statistics

Array = NDArray[np.float64]


def regression(function: str, statistics: Statistics, support: int | None) -> Moments:
    """The moments of shared statistics for a map of this support, None: of the statistics' own.

    Raises     ValueError for window statistics, fewer than 2 rows, and supports as `Statistics.problems`.
    """
    if statistics.kind != "shared":
        raise ValueError(f"{function}: statistics must be of kind 'shared', got {statistics.kind!r}")
    if statistics.count < 2:
        raise ValueError(f"{function}: statistics must hold at least 2 rows, got {statistics.count}")
    (problem,) = statistics.problems(support)
    return problem.moments


def shared_map(
    statistics: Statistics,
    moments: Moments,
    support: int | None,
    method: str,
    weight: Array,
    settings: dict[str, Any],
) -> Map:
    """The map with this matrix and the bias that it leaves, mean(y) - A mean(x)."""
    mean_x, mean_y = (mean.cpu().numpy() for mean in (moments.mean_x, moments.mean_y))
    return solved_map(statistics, support, method, weight, mean_y - weight @ mean_x, moments.inputs, settings)


def solved_map(
    statistics: Statistics,
    support: int | None,
    method: str,
    weight: Any,
    bias: Any,
    inputs: int,
    settings: dict[str, Any],
) -> Map:
    """The map that was solved from the statistics, its largest regression of so many inputs."""
    counted = {"count": statistics.count, "underdetermined": inputs >= statistics.count}
    return Map(
        kind=statistics.kind,
        g=statistics.g,
        method=method,
        weight=weight,
        bias=bias,
        channels=statistics.channels,
        source=statistics.source,
        target=statistics.target,
        support=statistics.support if support is None else support,
        interpolation=statistics.interpolation,
        settings={**settings, **counted},
    )
