"""One filter bank for all cells: what is lost when every cell uses the same m x m weights."""

from __future__ import annotations

import time
from typing import Any

from equivfast import maps
from equivfast.studies._errors import interval, window_errors
from equivfast.studies._methods import label_of
from equivfast.studies._pairs import Pairs
from equivfast.studies._windows import centred

SUPPORTS = (1, 3)
SOLVERS = ("least_squares", "ridge", "forward_selection")


def shared(pairs: Pairs, seed: int) -> list[dict[str, Any]]:
    """The rows of the report: every solver with every support."""
    channels = (pairs.phi.channels, pairs.phi.channels)
    statistics = maps.Statistics(
        pairs.g, pairs.source, pairs.target, channels, kind="shared", support=max(SUPPORTS)
    )
    statistics.update(pairs.x_train, pairs.y_train)
    rows = []
    for support in SUPPORTS:
        for solver in SOLVERS:
            started = time.perf_counter()
            m = maps.solve(statistics, solver, support=support, nonzeros=5)
            seconds = time.perf_counter() - started
            predicted = centred(m(pairs.x_test), pairs.target.height)
            errors = window_errors(predicted, pairs.y_test)
            rows.append(
                {
                    "name": pairs.g.name,
                    "label": label_of(pairs.g),
                    "solver": solver,
                    "support": support,
                    "hellinger": interval(errors, pairs.photo_of, seed),
                    "nonzero_share": m.nonzero_share,
                    "learn_seconds": round(seconds, 4),
                }
            )
    return rows
