"""Error curves over one-parameter families: angles, scales, fractions of a cell; and arrays of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from equivfast.groups import Transform, rotation, scaling, translation
from equivfast.studies._errors import interval, window_errors
from equivfast.studies._methods import CURVE_METHODS, SIZE_METHODS, Method, label_of
from equivfast.studies._pairs import Learner, Pairs

DEGREES = tuple(range(0, 181, 5))
FACTORS = (0.5, 0.5946, 0.7071, 0.8, 0.8909, 1.0, 1.1225, 1.25, 1.4142, 1.6818, 2.0)
CELLS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
CURVE_SUPPORT = 3

Get = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]


def families(cell: int) -> dict[str, tuple[str, Sequence[float], list[Transform]]]:
    """Family -> (parameter, its values, the transformations); shifts are to the right, in cells of `cell` pixels."""
    return {
        "rotation": ("degrees", DEGREES, [rotation(value) for value in DEGREES]),
        "scale": ("factors", FACTORS, [scaling(value) for value in FACTORS]),
        "shift": ("cells", CELLS, [translation(value * cell, 0) for value in CELLS]),
    }


def measured(pairs: Pairs, methods: Sequence[Method], seed: int) -> dict[str, Any]:
    """Method name -> error with its interval."""
    learner = Learner(pairs, CURVE_SUPPORT)
    found = {}
    for method in methods:
        m, _ = learner.learn(method)
        errors = window_errors(learner.predict(m, method), pairs.y_test)
        found[method.name] = interval(errors, pairs.photo_of, seed)
    return found


def curve(
    parameter: str, values: Sequence[float], points: Sequence[dict[str, dict[str, float]]]
) -> dict[str, Any]:
    """The points of a family as the report draws them."""
    names = [method.name for method in CURVE_METHODS]
    columns = {"series": "mean", "low": "low", "high": "high"}
    lines = {
        key: {name: [point[name][part] for point in points] for name in names}
        for key, part in columns.items()
    }
    return {parameter: list(values), **lines}


def by_size(pairs: Pairs, sizes: Sequence[int], seed: int) -> dict[str, Any]:
    """HOG arrays of several sizes, each predicted from a larger one; all are the centre of the same windows."""
    rows = []
    for size in sorted(sizes):
        part = pairs.cropped(size, CURVE_SUPPORT)
        rows.append(
            {
                "field": size,
                "source": part.source.height,
                "source_all_cells": part.all_cells.source.height,
                "methods": measured(part, SIZE_METHODS, seed),
            }
        )
    source = [pairs.source.height, pairs.source.width]
    return {"name": pairs.g.name, "label": label_of(pairs.g), "source": source, "rows": rows}
