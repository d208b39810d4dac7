"""One transformation: every method learned on training windows and measured on held-out windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast import maps
from equivfast.studies._errors import differences, interval, window_errors
from equivfast.studies._methods import Method, label_of, methods_for
from equivfast.studies._pairs import Learner, Pairs
from equivfast.studies._run import Progress

MAX_SUPPORT = 5


def mean_error(row: dict[str, Any]) -> float:
    return float(row["hellinger"]["mean"])


def describe(
    pairs: Pairs, names: list[str], seed: int, progress: Progress
) -> tuple[dict[str, Any], maps.Map]:
    """The row of the report, every method's figures and what the best map gains; and the best map.

    `names` are those of the held-out photographs.
    """
    g = pairs.g
    methods = list(methods_for(g, pairs.phi.channel_action(g) is not None))
    learner = Learner(pairs, MAX_SUPPORT, sorted({method.nonzeros for method in methods if method.nonzeros}))
    rows, learned, errors = [], {}, {}
    # One support after the other: the methods of a support share its sums.
    for done, method in enumerate(sorted(methods, key=lambda method: method.support or MAX_SUPPORT + 1)):
        progress(f"{g.name}: maps", done, len(methods))
        m, seconds = learner.learn(method)
        predicted = learner.predict(m, method)
        learned[method.name], errors[method.name] = m, window_errors(predicted, pairs.y_test)
        row = _row(method, m, seconds) | differences(predicted, pairs.y_test)
        row["hellinger"] = interval(errors[method.name], pairs.photo_of, seed)
        row["per_photo"] = _by_photograph(errors[method.name], pairs.photo_of, names)
        rows.append(row)
    progress(f"{g.name}: maps", len(methods), len(methods))
    names_in_order = [method.name for method in methods]
    rows.sort(key=lambda row: names_in_order.index(row["name"]))
    best = min((r for r in rows if r["role"] != "control"), key=mean_error)["name"]
    control = min((r for r in rows if r["role"] == "control"), key=mean_error)["name"]
    described = {
        "name": g.name,
        "label": label_of(g),
        "field": [pairs.target.height, pairs.target.width],
        "train_windows": len(pairs.x_train),
        "test_windows": len(pairs.x_test),
        "methods": rows,
        "best": best,
        "gain": {"over": control, **interval(errors[control] - errors[best], pairs.photo_of, seed)},
    }
    return described, learned[best]


def _row(method: Method, m: maps.Map, seconds: float) -> dict[str, Any]:
    return {
        "name": method.name,
        "role": method.role,
        "solver": method.solver,
        "support": method.support,
        "nonzeros": method.nonzeros,
        "nonzero_share": None if method.role == "control" else m.nonzero_share,
        "learn_seconds": round(seconds, 4) if method.role == "learned" else None,
        "settings": dict(m.settings),
    }


def _by_photograph(
    errors: NDArray[np.float64], photo_of: NDArray[np.int64], names: list[str]
) -> dict[str, float]:
    return {names[i]: float(errors[photo_of == i].mean()) for i in np.unique(photo_of)}
