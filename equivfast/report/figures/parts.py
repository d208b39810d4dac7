"""The tables of the later sections: composition, and one filter bank for all cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import barred, estimate, head, missing, table, words
from equivfast.report.figures.figure import ERROR, Figure, mean_of, span_of

PRODUCT = Markup("<i>M<sub>g</sub> M<sub>h</sub></i>")
DIRECT = Markup("<i>M<sub>gh</sub></i>")


def one_method(compositions: Sequence[dict[str, Any]]) -> str:
    """The method that learned all the maps, empty when there are several."""
    methods = {item["method"] for item in compositions}
    return str(methods.pop()) if len(methods) == 1 else ""


def composition_table(compositions: Sequence[dict[str, Any]]) -> Figure:
    """The product of two maps beside the map of the product, with the paired difference."""
    controls = any("no map" in item for item in compositions)
    several = not one_method(compositions)
    rows = []
    for k, item in enumerate(compositions):
        path = f"composition.{k}"
        cells = [
            head(item["label"]),
            words("{}×{}".format(*item["field"])),
            *[words(item["method"])] * several,
            estimate(f"{path}.composed", item["composed"]),
            estimate(f"{path}.direct", item["direct"]),
            estimate(f"{path}.gap", item["gap"]),
        ]
        if controls:
            cells.append(estimate(f"{path}.no map", item["no map"]) if "no map" in item else missing())
        rows.append(("learned", cells))
    heads = [
        *["transformation", "cells", *["learned by"] * several],
        *[PRODUCT, DIRECT, "difference", *["no map"] * controls],
    ]
    return Figure(
        "composition",
        "Two maps, one after the other",
        table("plain", heads, rows),
        {"unit": ERROR, "compositions": list(compositions)},
    )


def shared_table(rows: Sequence[dict[str, Any]], transforms: Sequence[dict[str, Any]]) -> Figure:
    """One filter bank for all cells, by solver and support; the best map of the study beside it."""
    columns = list(dict.fromkeys((row["solver"], row["support"]) for row in rows))
    names = list(dict.fromkeys(row["name"] for row in rows))
    found = {(row["name"], row["solver"], row["support"]): (k, row) for k, row in enumerate(rows)}
    places = {transform["name"]: k for k, transform in enumerate(transforms)}
    per_cell = [own for name in names if (own := _best_learned(places.get(name), transforms))]
    errors = [row["hellinger"]["mean"] or 0.0 for row in [*rows, *(method for _, method in per_cell)]]
    largest = max(errors, default=0)
    body = []
    for name in names:
        mine = {column: found[(name, *column)] for column in columns if (name, *column) in found}
        best = min((mean_of(row), k) for k, row in mine.values())[1]
        cells = [head(next(row["label"] for _, row in mine.values()))]
        for column in columns:
            if column not in mine:
                cells.append(missing())
                continue
            k, row = mine[column]
            path, kinds = f"shared.{k}.hellinger.mean", "best learned" if k == best else "learned"
            cells.append(barred(path, row["hellinger"]["mean"], largest, kinds, title=span_of(row)))
        cells.append(_best_of_all(places.get(name), transforms, largest))
        body.append(("learned", cells))
    heads = [
        Markup("{} <i>m</i>&nbsp;=&nbsp;{}").format(solver.replace("_", " "), "all" if m is None else m)
        for solver, m in columns
    ]
    return Figure(
        "shared",
        "One filter bank for all cells",
        table("errors", ["transformation", *heads, "a bank for each cell, the best"], body),
        {"unit": ERROR, "rows": list(rows)},
    )


def _best_learned(
    place: int | None, transforms: Sequence[dict[str, Any]]
) -> tuple[str, dict[str, Any]] | None:
    """The best learned map of a transformation, and where it stands in the result."""
    methods = [] if place is None else list(enumerate(transforms[place]["methods"]))
    learned = [(k, method) for k, method in methods if method["role"] == "learned"]
    if not learned:
        return None
    k, method = min(learned, key=lambda item: mean_of(item[1]))
    return f"transforms.{place}.methods.{k}", method


def _best_of_all(place: int | None, transforms: Sequence[dict[str, Any]], largest: float) -> Markup:
    best = _best_learned(place, transforms)
    if best is None:
        return missing()
    path, method = best
    return barred(
        f"{path}.hellinger.mean", method["hellinger"]["mean"], largest, "control", title=method["name"]
    )
