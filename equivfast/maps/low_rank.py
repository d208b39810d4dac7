"""low_rank, low_rank_path: maps through few directions, by reduced-rank regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from equivfast.maps.least_squares import least_squares
from equivfast.maps.least_squares import ridge as ridge_regression
from equivfast.maps.map import Map
from equivfast.maps.shared import regression, shared_map
from equivfast.maps.statistics import Statistics


def low_rank(statistics: Statistics, rank: int, ridge: float = 1e-3, *, support: int | None = None) -> Map:
    """The map of at most this rank that fits the pairs best, with a penalty on its size.

    Units      ridge: lambda as a share of the mean variance of the inputs, as in `solve`; 0: none
    Definition minimises sum |y - A x - b|^2 + lambda |A|^2 over the A (d, c m m) of at most this rank. With the ridge
               solution B that is A = U U^T B, U the leading eigenvectors of the covariance of what B fits,
               B (xx + lambda I) B^T. At full rank it is the ridge solution itself; for ridge = 0 that of least squares
               with the smallest norm. settings: rank, ridge, and fitted_share, the share of the fitted (co)variance
               that lies in the directions of U.
    Cost       one regression and one eigenproblem of d outputs for all ranks: use `low_rank_path` for several
    Source     Izenman 1975; with the penalty Mukherjee & Zhu 2011
    Raises     ValueError for window statistics, fewer than 2 rows, ranks outside 1 .. min(d, c m m), ridge below 0.

    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 3, 1, 1))
    >>> s = Statistics(identity(), grid, grid, (3, 3), support=1).update(x, x.sum(1, keepdims=True) + 0 * x)
    >>> low_rank(s, 1, ridge=0).weight.round(6).tolist()                    # the sum needs one direction only
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    return _path("low_rank", statistics, [rank], ridge, support)[0]


def low_rank_path(
    statistics: Statistics, ranks: Sequence[int], ridge: float = 1e-3, *, support: int | None = None
) -> list[Map]:
    """The maps of `low_rank` for several ranks, from one decomposition.

    Raises     ValueError as `low_rank`, and where ranks is empty.

    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 3, 1, 1))
    >>> s = Statistics(identity(), grid, grid, (3, 3), support=1).update(x, x)
    >>> [int(np.linalg.matrix_rank(M.weight)) for M in low_rank_path(s, (1, 2, 3))]
    [1, 2, 3]
    """
    if not len(ranks):
        raise ValueError("low_rank_path: ranks must hold at least one number, got none")
    return _path("low_rank_path", statistics, ranks, ridge, support)


def _path(
    function: str, statistics: Statistics, ranks: Sequence[Any], ridge: float, support: int | None
) -> list[Map]:
    if not math.isfinite(ridge) or ridge < 0:
        raise ValueError(f"{function}: ridge must be a finite number of at least 0, got {ridge!r}")
    moments = regression(function, statistics, support)
    full = min(moments.inputs, moments.outputs)
    for rank in ranks:
        whole = isinstance(rank, (int, np.integer)) and not isinstance(rank, bool)
        if not whole or not 1 <= rank <= full:
            raise ValueError(f"{function}: rank must be a whole number from 1 to {full}, got {rank!r}")
    solution = least_squares(moments) if ridge == 0 else ridge_regression(moments, ridge)
    # B xy = B (xx + lambda I) B^T, as (xx + lambda I) B^T = xy.
    fitted = (solution @ moments.xy).cpu().numpy()
    values, vectors = np.linalg.eigh((fitted + fitted.T) / 2)
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    coordinates, total = vectors.T @ solution.cpu().numpy(), float(values.sum())
    found = []
    for rank in ranks:
        share = float(values[:rank].sum()) / total if total else 1.0
        settings = {"rank": int(rank), "ridge": float(ridge), "fitted_share": share}
        weight = vectors[:, :rank] @ coordinates[:rank]
        found.append(shared_map(statistics, moments, support, "low_rank", weight, settings))
    return found
