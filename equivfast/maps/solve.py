"""solve, forward_selection_path: maps from statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from equivfast.maps.assemble import assemble
from equivfast.maps.forward_selection import forward_selection, selection_path
from equivfast.maps.least_squares import CUTOFF, least_squares
from equivfast.maps.least_squares import ridge as ridge_regression
from equivfast.maps.map import Map
from equivfast.maps.moments import Moments
from equivfast.maps.shared import solved_map
from equivfast.maps.statistics import Statistics

LEARNED = ("least_squares", "ridge", "forward_selection")


def solve(
    statistics: Statistics,
    method: str = "ridge",
    *,
    support: int | None = None,
    nonzeros: int = 5,
    ridge: float = 1e-3,
) -> Map:
    """The map that fits the pairs behind the statistics.

    Units      ridge: lambda as a share of the mean variance of the inputs; nonzeros: entries per row
    Definition "least_squares", "ridge" or "forward_selection" (docs/maths.md), each on centred data; the bias is
               mean(y) - A mean(x). `support`: m of the map, the statistics' own unless given; a smaller one is solved
               from the same statistics. With fewer pairs than inputs least squares is the minimum-norm solution, and
               settings["underdetermined"] is True.
    Raises     ValueError for unknown methods, settings out of range, and fewer than 2 rows.

    >>> from equivfast.groups import Grid, hflip
    >>> grid = Grid.centred(1, 2, stride=8)
    >>> s = Statistics(hflip(), grid, grid, (1, 1), support=1)
    >>> x = np.array([[[[1.0, 2.0]]], [[[4.0, 8.0]]]])
    >>> s = s.update(x, 3 * x[..., ::-1] + 1)
    >>> M = solve(s, "least_squares")
    >>> M.weight.round(9).tolist(), M.bias.round(9).tolist()
    ([[3.0]], [1.0])
    """
    if method not in LEARNED:
        raise ValueError(f"solve: method must be one of {', '.join(LEARNED)}, got {method!r}")
    _check_settings("solve", statistics, nonzeros, ridge)
    setting, solver = _solver(method, int(nonzeros), float(ridge))
    return _maps(statistics, support, method, [setting], lambda moments: [solver(moments)])[0]


def forward_selection_path(
    statistics: Statistics, nonzeros: Sequence[int] = (1, 3, 5), *, support: int | None = None
) -> list[Map]:
    """The maps of `solve` by forward selection for several numbers of entries per row, from one selection.

    Definition the greedy choice of k entries begins with that of fewer, so the largest passes them all
    Raises     ValueError as `solve`, and where nonzeros is empty

    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 4, 1, 1))
    >>> s = Statistics(identity(), grid, grid, (4, 4), support=1).update(x, x + x[:, ::-1])
    >>> [round(M.nonzero_share * 4) for M in forward_selection_path(s, (1, 2, 3), support=1)]
    [1, 2, 2]
    """
    if not len(nonzeros):
        raise ValueError("forward_selection_path: nonzeros must hold at least one number, got none")
    for k in nonzeros:
        _check_settings("forward_selection_path", statistics, k, 1.0)
    settings = [{"nonzeros": int(k)} for k in nonzeros]
    return _maps(
        statistics, support, "forward_selection", settings, lambda moments: selection_path(moments, nonzeros)
    )


def _check_settings(function: str, statistics: Statistics, nonzeros: Any, ridge: float) -> None:
    if isinstance(nonzeros, bool) or not isinstance(nonzeros, (int, np.integer)) or nonzeros < 1:
        raise ValueError(f"{function}: nonzeros must be a whole number of at least 1, got {nonzeros!r}")
    if not np.isfinite(ridge) or ridge <= 0:
        raise ValueError(f"{function}: ridge must be a finite number above 0, got {ridge!r}")
    if statistics.count < 2:
        raise ValueError(f"{function}: statistics must hold at least 2 rows, got {statistics.count}")


def _solver(method: str, nonzeros: int, ridge: float) -> tuple[dict[str, Any], Callable[[Moments], Tensor]]:
    """What the map's settings say of the method, and the method."""
    if method == "least_squares":
        return {"cutoff": CUTOFF}, lambda moments: least_squares(moments, CUTOFF)
    if method == "ridge":
        return {"ridge": ridge}, lambda moments: ridge_regression(moments, ridge)
    return {"nonzeros": nonzeros}, lambda moments: forward_selection(moments, nonzeros)


def _maps(
    statistics: Statistics,
    support: int | None,
    method: str,
    settings: list[dict[str, Any]],
    solver: Callable[[Moments], list[Tensor]],
) -> list[Map]:
    """One map for each of the solver's solutions."""
    sparse = method == "forward_selection"
    found, inputs = assemble(statistics, support, solver, len(settings), sparse)
    return [
        solved_map(statistics, support, method, assembly.matrix, assembly.bias, inputs, setting)
        for setting, assembly in zip(settings, found, strict=True)
    ]
