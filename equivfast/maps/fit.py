"""fit, fit_pairs, solve: maps from images, from pairs of fields, from statistics."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor

from equivfast.groups import Grid, Transform
from equivfast.maps import permutation as exact
from equivfast.maps.collect import Features, Frame, batches, collect
from equivfast.maps.forward_selection import forward_selection
from equivfast.maps.least_squares import CUTOFF, least_squares
from equivfast.maps.least_squares import ridge as ridge_regression
from equivfast.maps.map import Map
from equivfast.maps.moments import Moments
from equivfast.maps.statistics import Statistics

LEARNED = ("least_squares", "ridge", "forward_selection")
GIVEN = ("permutation", "cells", "identity")


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
    if isinstance(nonzeros, bool) or not isinstance(nonzeros, (int, np.integer)) or nonzeros < 1:
        raise ValueError(f"solve: nonzeros must be a whole number of at least 1, got {nonzeros!r}")
    if not np.isfinite(ridge) or ridge <= 0:
        raise ValueError(f"solve: ridge must be a finite number above 0, got {ridge!r}")
    if statistics.count < 2:
        raise ValueError(f"solve: statistics must hold at least 2 rows, got {statistics.count}")
    own = {"least_squares": ("cutoff", CUTOFF), "ridge": ("ridge", float(ridge))}
    setting = dict([own.get(method, ("nonzeros", int(nonzeros)))])
    weight, bias, inputs = _assemble(statistics, support, method, setting)
    settings = {**setting, "count": statistics.count, "underdetermined": inputs >= statistics.count}
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
        settings=settings,
    )


def _assemble(
    statistics: Statistics, support: int | None, method: str, setting: dict[str, Any]
) -> tuple[coo_array, np.ndarray, int]:
    """The map's matrix and bias, and the inputs of its largest regression."""
    c, d = statistics.channels
    source, target = statistics.source, statistics.target
    shape = (d * target.height * target.width, c * source.height * source.width)
    if statistics.kind == "shared":
        shape = (d, c * (support or statistics.support or 1) ** 2)
    bias, inputs = np.zeros(shape[0]), 0
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for problem in statistics.problems(support):
        moments, rows, columns = problem.moments, problem.rows.numpy(), problem.columns.numpy()
        block = _solve_block(moments, method, setting)
        bias[rows] = (moments.mean_y - block @ moments.mean_x).cpu().numpy()
        inputs = max(inputs, len(columns))
        at = torch.nonzero(block, as_tuple=True)
        entries.append((rows[at[0].cpu().numpy()], columns[at[1].cpu().numpy()], block[at].cpu().numpy()))
    out, into, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return coo_array((values, (out, into)), shape=shape), bias, inputs


def _solve_block(moments: Moments, method: str, setting: dict[str, Any]) -> Tensor:
    if not len(moments.mean_x):  # a window cell that looks outside the array: only a bias
        return moments.xy.T
    if method == "least_squares":
        return least_squares(moments, setting["cutoff"])
    if method == "ridge":
        return ridge_regression(moments, setting["ridge"])
    return forward_selection(moments, setting["nonzeros"])


def fit_pairs(
    pairs: Iterable[tuple[Any, Any]],
    g: Transform,
    source: Grid,
    target: Grid,
    method: str = "ridge",
    *,
    kind: str = "shared",
    support: int | None = 3,
    interpolation: str = "nearest",
    device: torch.device | str = "cpu",
    **solver: Any,
) -> Map:
    """The map that fits pairs of fields, streamed once.

    Shapes     pairs: (x (n, c, H, W), y (n, d, H', W')) batches on the grids `source` and `target`
    Definition `Statistics` over all pairs, then `solve`; `solver` are its `nonzeros` and `ridge`.
    Raises     ValueError as these do, and when there is no pair.

    >>> from equivfast.groups import hflip
    >>> x = np.random.default_rng(0).normal(size=(9, 2, 4, 4))
    >>> grid = Grid.centred(4, 4, stride=8)
    >>> M = fit_pairs([(x, 2 * x[..., ::-1])], hflip(), grid, grid, "least_squares", support=1)
    >>> bool(np.allclose(M.weight, 2 * np.eye(2)))
    True
    """
    stream = iter(pairs)
    first = next(stream, None)
    if first is None:
        raise ValueError("fit_pairs: pairs must hold at least one pair of batches, got none")
    if not all(getattr(field, "ndim", 0) == 4 for field in first):
        shapes = [tuple(getattr(field, "shape", ())) for field in first]
        raise ValueError(f"fit_pairs: pairs must be of fields (n, c, H, W), got {shapes}")
    channels = (first[0].shape[1], first[1].shape[1])
    statistics = Statistics(
        g, source, target, channels, kind=kind, support=support, interpolation=interpolation, device=device
    )
    for x, y in itertools.chain([first], stream):
        statistics.update(x, y)
    return solve(statistics, method, **solver)


def fit(
    phi: Features,
    g: Transform,
    images: Iterable[Any],
    method: str = "ridge",
    *,
    kind: str = "shared",
    nonzeros: int = 5,
    ridge: float = 1e-3,
    **collecting: Any,
) -> Map:
    """The map with M(phi(x)) ~ phi(g x), learned from images or known beforehand.

    Shapes     images: torch (c, h, w) or (n, c, h, w), NumPy (h, w) or (h, w, c)
    Definition learned: `collect` (which see for `support`, `border_cells` and the rest), then `solve`. "permutation":
               cells moved by g, channels by phi.channel_action(g). "cells" and "identity" are the controls: cells
               moved and channels untouched; nothing done. These three only ask the first image for its size.
    Raises     ValueError as `collect` and `solve` do; "permutation" where the representation has none for g.

    >>> from equivfast.groups import hflip
    >>> from equivfast.representations import HOG
    >>> images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> M, P = (fit(HOG(), hflip(), images, method, support=1) for method in ("least_squares", "permutation"))
    >>> field = HOG()(images)
    >>> bool((M(field) - P(field)).abs().max() < 0.01)
    True
    """
    if method not in (*LEARNED, *GIVEN):
        raise ValueError(f"fit: method must be one of {', '.join((*LEARNED, *GIVEN))}, got {method!r}")
    if method in LEARNED:
        return solve(collect(phi, g, images, kind=kind, **collecting), method, nonzeros=nonzeros, ridge=ridge)
    first = next(batches(images, 1), None)
    if first is None:
        raise ValueError("fit: images must hold at least one image, got none")
    border, edge = collecting.get("border_cells", 2), collecting.get("border", "reflect")
    frame = Frame(phi, g, (first.shape[2], first.shape[3]), kind, border, edge)
    source, target = frame.source, frame.target
    if method == "permutation":
        return exact.permutation(g, source, phi.channel_action(g), kind=kind, target=target)
    if method == "cells":
        return exact.cells(g, source, phi.channels, kind=kind, target=target)
    return exact.identity(source, phi.channels, kind=kind, target=target)
