"""Closed-form maps of one layer under one transformation, hyper-parameters chosen on held-out images."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from equivfast import maps
from equivfast.maps import Map, Statistics

# Entries in a row of a sparse map; the paper's is 25 for networks.
SPARSE = (5, 25)
_RANK_SHARES = (0.125, 0.25, 0.5, 0.75)


# A map, what was chosen for it, and the share of the variance that it explained of images to choose on, before it was
# fitted to these, too.
Solved = tuple[Map, str | None, float]


@dataclass(frozen=True)
class Closed:
    """A map, what was chosen for it, the share of variance it explained on held-out images, and how long it took."""

    name: str
    map: Map
    role: str
    chosen: str | None
    held_out: float
    seconds: float


def closed_forms(fit: Statistics, tune: Statistics, methods: Sequence[str]) -> list[Closed]:
    """One map for each method, in the methods' order.

    Maps are fitted on `fit`; what has to be chosen is chosen on `tune`, and the map is then fitted to both.
    """
    both = fit + tune
    found = []
    for method in methods:
        if method == "3x3" and fit.source.height * fit.source.width == 1:
            continue  # a vector has no neighbours
        started = time.perf_counter()
        m, chosen, held_out = _SOLVERS[method](fit, tune, both)
        role = "control" if method == "cells" else "closed"
        name = "cells moved" if method == "cells" else method
        found.append(Closed(name, m, role, chosen, held_out, round(time.perf_counter() - started, 4)))
    return found


def explained(m: Map, statistics: Statistics) -> float:
    """The share of the outputs' variance that a map explains, all outputs together."""
    variance = next(iter(statistics.problems(m.support))).moments.yy
    shares = maps.r_squared(m, statistics)
    whole = float(variance.sum())
    return float((variance.cpu().numpy() * shares).sum()) / whole if whole > 0 else 0.0


def _cells(fit: Statistics, tune: Statistics, both: Statistics) -> Solved:
    moved = replace(maps.cells(fit.g, fit.source, fit.channels[0]), interpolation=fit.interpolation)
    return moved, None, explained(moved, tune)


def _plain(solve: Callable[[Statistics], Map], chosen: str) -> Callable[..., Solved]:
    """A method without anything to choose."""

    def solver(fit: Statistics, tune: Statistics, both: Statistics) -> Solved:
        return solve(both), chosen, explained(solve(fit), tune)

    return solver


def _ridge(support: int) -> Callable[..., Solved]:
    def solver(fit: Statistics, tune: Statistics, both: Statistics) -> Solved:
        found = maps.ridge_path(fit, tune, support=support, refit=both)
        held_out = 1 - min(found.settings["held_out_error"])
        return found, f"ridge {found.settings['ridge']:.2g}", held_out

    return solver


def _low_rank(fit: Statistics, tune: Statistics, both: Statistics) -> Solved:
    channels = fit.channels[0]
    ranks = sorted({max(1, round(share * channels)) for share in _RANK_SHARES})
    scores = [explained(m, tune) for m in maps.low_rank_path(fit, ranks)]
    best = max(range(len(ranks)), key=scores.__getitem__)
    return maps.low_rank(both, ranks[best]), f"rank {ranks[best]}", scores[best]


def _sparse(fit: Statistics, tune: Statistics, both: Statistics) -> Solved:
    most = fit.channels[0] * (fit.support or 1) ** 2
    counts = sorted({min(k, most) for k in SPARSE})
    scores = [explained(m, tune) for m in maps.forward_selection_path(fit, counts)]
    best = max(range(len(counts)), key=scores.__getitem__)
    found = maps.solve(both, "forward_selection", nonzeros=counts[best])
    return found, f"{counts[best]} entries in a row", scores[best]


_SOLVERS: dict[str, Callable[[Statistics, Statistics, Statistics], Solved]] = {
    "cells": _cells,
    "permutation": _plain(partial(maps.matched_permutation, signed=True, scaled=True), "signed and scaled"),
    "orthogonal": _plain(partial(maps.orthogonal, scaled=True), "scaled"),
    "low-rank": _low_rank,
    "sparse": _sparse,
    "least-squares": _plain(partial(maps.solve, method="least_squares", support=1), "1x1, no penalty"),
    "1x1": _ridge(1),
    "3x3": _ridge(3),
}
