"""Ridge regression for many lambdas at once, and the one that predicts held-out pairs best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast.maps.map import Map
from equivfast.maps.moments import Moments
from equivfast.maps.solve import solve
from equivfast.maps.statistics import Statistics

RIDGE_STRENGTHS: tuple[float, ...] = tuple(float(s) for s in np.logspace(-5, 1, 20))
# A map with a regression for every cell needs one lambda: this many regressions, spread over the cells, choose it.
_CHOOSING = 3


def ridge_path(
    statistics: Statistics,
    held_out: Statistics,
    *,
    support: int | None = None,
    strengths: Sequence[float] = RIDGE_STRENGTHS,
    refit: bool | Statistics = True,
) -> Map:
    """The ridge map whose lambda predicts the held-out pairs best.

    Units      strengths: lambda as a share of the mean variance of the inputs, as in `solve`
    Definition one lambda for the whole map: that of the smallest squared error on the held-out pairs, summed over
               the outputs (window maps of more than 3 regressions: over those of 3 cells, evenly spread). The map is
               then solved from both sets of pairs (`refit=False`: from `statistics` alone; statistics of both, where
               they are at hand, save adding them up). settings: ridge, strengths, and held_out_error, the squared
               error of each as a share of the outputs' variance.
    Cost       one symmetric eigenproblem for all lambdas, of the rows where they are fewer than the inputs
               (dual form), of the inputs otherwise; then one `solve`
    Raises     ValueError as `solve` and `Statistics.problems`, and where held_out has no rows, or strengths are
               empty or not above 0.

    >>> import torch
    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = torch.randn(60, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    >>> fit, tune = (Statistics(identity(), grid, grid, (3, 3), support=1) for _ in range(2))
    >>> M = ridge_path(fit.update(x[:40], x[:40]), tune.update(x[40:], x[40:]))
    >>> M.settings["ridge"] == min(M.settings["strengths"])     # nothing to smooth: the least penalty is best
    True
    """
    if not len(strengths) or not all(np.isfinite(s) and s > 0 for s in strengths):
        raise ValueError(f"ridge_path: strengths must be finite numbers above 0, got {list(strengths)}")
    if statistics.count < 2 or held_out.count < 1:
        raise ValueError(
            f"ridge_path: statistics must hold at least 2 rows and held_out 1, "
            f"got {statistics.count} and {held_out.count}"
        )
    error = torch.zeros(len(strengths), dtype=torch.float64, device=statistics.device)
    variance = 0.0
    samples = (part.sample(_CHOOSING, support) for part in (statistics, held_out))
    for fit, test in zip(*samples, strict=True):
        if fit.moments.inputs:
            error += path_errors(fit.moments, test.moments, strengths)
            variance += float(test.moments.yy.sum())
    best = float(strengths[int(error.argmin())])
    if isinstance(refit, bool):
        refit = statistics + held_out if refit else statistics
    found = solve(refit, "ridge", support=support, ridge=best)
    path: dict[str, Any] = {
        "strengths": [float(s) for s in strengths],
        "held_out_error": [float(e) / variance if variance else 0.0 for e in error],
    }
    return replace(found, settings={**found.settings, **path})


def path_errors(fit: Moments, test: Moments, strengths: Sequence[float]) -> Tensor:
    """The squared error on the test rows, summed over rows and outputs, of the ridge solution for each strength.

    With x^T = U s V^T every solution is a diagonal matrix between the same two factors, A^T = U D W, so that the
    error is a quadratic form in the diagonal of D = (s^2 + lambda)^-1, small and made once for all lambdas.
    """
    shift_x, shift_y = test.mean_x - fit.mean_x, test.mean_y - fit.mean_y
    rows, tested = fit.rows, test.rows
    if rows is not None:
        x, y = rows
        values, vectors = torch.linalg.eigh(x @ x.T)
        out = vectors.T @ y

        def coordinates(z: Tensor) -> Tensor:
            return (z @ x.T) @ vectors
    else:
        values, vectors = torch.linalg.eigh(fit.xx)
        out = vectors.T @ fit.xy

        def coordinates(z: Tensor) -> Tensor:
            return z @ vectors

    if tested is not None:
        c, residual = coordinates(tested[0] + shift_x), tested[1] + shift_y
        gram, cross, variance = c.T @ c, c.T @ residual, residual.square().sum()
    else:
        c, moved = coordinates(test.xx), coordinates(shift_x[None])
        gram = coordinates(c.T) + test.count * moved.T @ moved
        cross = coordinates(test.xy.T).T + test.count * moved.T * shift_y
        variance = test.yy.sum() + test.count * shift_y.square().sum()
    linear, square = (out * cross).sum(1), (out @ out.T) * gram

    scale = values.clamp(min=0).sum() / fit.inputs
    if scale == 0:
        return variance.expand(len(strengths)).clone()
    shares = torch.tensor(strengths, dtype=values.dtype, device=values.device)
    diagonals = 1 / (values.clamp(min=0) + scale * shares[:, None])
    errors: Tensor = variance - 2 * diagonals @ linear + ((diagonals @ square) * diagonals).sum(1)
    return errors.clamp(min=0)
