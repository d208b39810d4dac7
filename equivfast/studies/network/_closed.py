"""Closed-form maps of one layer under one transformation, hyper-parameters chosen on held-out images."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from equivfast import maps
from equivfast.maps import Map, Statistics

# Entries in a row of a sparse map; the paper's is 25 for networks.
SPARSE = (5, 25)
_RANK_SHARES = (0.125, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Closed:
    """A map, what was chosen for it, and how long that took."""

    name: str
    map: Map
    role: str
    chosen: str | None
    seconds: float


def closed_forms(fit: Statistics, tune: Statistics, methods: Sequence[str]) -> list[Closed]:
    """One map for each method, in the methods' order.

    Maps are fitted on `fit`; what has to be chosen is chosen on `tune`, and the map is then fitted to both.
    """
    both = fit + tune
    found = []
    for method in methods:
        if method in ("3x3",) and fit.source.height * fit.source.width == 1:
            continue  # a vector has no neighbours
        started = time.perf_counter()
        m, chosen = _SOLVERS[method](fit, tune, both)
        role = "control" if method == "cells" else "closed"
        name = "cells moved" if method == "cells" else method
        found.append(Closed(name, m, role, chosen, round(time.perf_counter() - started, 4)))
    return found


def explained(m: Map, statistics: Statistics) -> float:
    """The share of the outputs' variance that a map explains, all outputs together."""
    variance = next(iter(statistics.problems(m.support))).moments.yy
    shares = maps.r_squared(m, statistics)
    whole = float(variance.sum())
    return float((variance.cpu().numpy() * shares).sum()) / whole if whole > 0 else 0.0


def _cells(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, None]:
    return replace(maps.cells(fit.g, fit.source, fit.channels[0]), interpolation=fit.interpolation), None


def _ridge(support: int) -> Callable[[Statistics, Statistics, Statistics], tuple[Map, str]]:
    def solve(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
        found = maps.ridge_path(fit, tune, support=support, refit=both)
        return found, f"ridge {found.settings['ridge']:.2g}"

    return solve


def _least_squares(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
    return maps.solve(both, "least_squares", support=1), "1x1, no penalty"


def _permutation(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
    return maps.matched_permutation(both, signed=True, scaled=True), "signed and scaled"


def _orthogonal(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
    return maps.orthogonal(both, scaled=True), "scaled"


def _low_rank(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
    channels = fit.channels[0]
    ranks = sorted({max(1, round(share * channels)) for share in _RANK_SHARES})
    path = maps.low_rank_path(fit, ranks)
    best = max(range(len(ranks)), key=lambda k: explained(path[k], tune))
    return maps.low_rank(both, ranks[best]), f"rank {ranks[best]}"


def _sparse(fit: Statistics, tune: Statistics, both: Statistics) -> tuple[Map, str]:
    most = fit.channels[0] * (fit.support or 1) ** 2
    counts = sorted({min(k, most) for k in SPARSE})
    path = maps.forward_selection_path(fit, counts)
    best = max(range(len(counts)), key=lambda k: explained(path[k], tune))
    return maps.solve(both, "forward_selection", nonzeros=counts[best]), f"{counts[best]} entries in a row"


_SOLVERS: dict[str, Callable[[Statistics, Statistics, Statistics], tuple[Map, str | None]]] = {
    "cells": _cells,
    "permutation": _permutation,
    "orthogonal": _orthogonal,
    "low-rank": _low_rank,
    "sparse": _sparse,
    "least-squares": _least_squares,
    "1x1": _ridge(1),
    "3x3": _ridge(3),
}
