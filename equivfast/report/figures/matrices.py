"""Tables with a bar in every cell: methods against transformations, and against array sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import barred, head, missing, table
from equivfast.report.figures.figure import (
    ERROR,
    EXACT,
    ROLES,
    Figure,
    Method,
    field_note,
    mean_of,
    span_of,
)
from equivfast.report.svg import show, slug

CONTROLS = ("no map", "cells moved")


def error_table(transforms: Sequence[dict[str, Any]]) -> Figure:
    """All methods by all transformations: mean errors with bars, the best in bold, exact actions marked."""
    cells = {
        (method["name"], k): (place, method)
        for k, transform in enumerate(transforms)
        for place, method in enumerate(transform["methods"])
    }
    first: dict[str, Method] = {}
    for (name, _), (_, method) in cells.items():
        first.setdefault(name, method)
    largest = max((m["hellinger"]["mean"] or 0.0 for _, m in cells.values()), default=0)
    rows, before = [], None
    for name in sorted(first, key=lambda name: ROLES.index(first[name]["role"])):
        row = [_error(cells.get((name, k)), k, transform, largest) for k, transform in enumerate(transforms)]
        group = (first[name]["role"], first[name].get("solver") if first[name]["role"] == "learned" else None)
        kind = f"{group[0]} begins" if before not in (None, group) else group[0]
        rows.append((kind, [head(name), *row]))
        before = group
    note = field_note(transforms)
    heads = [Markup("{} <small>{}</small>").format(t["label"], note(t)) for t in transforms]
    data = {
        "unit": ERROR,
        "transforms": [
            {
                "name": t["name"],
                "label": t["label"],
                "best": t["best"],
                "methods": [{key: m[key] for key in ("name", "role", "hellinger")} for m in t["methods"]],
            }
            for t in transforms
        ],
    }
    return Figure("table", "All methods", table("errors", ["method", *heads], rows), data)


def _error(found: tuple[int, Method] | None, k: int, transform: dict[str, Any], largest: float) -> Markup:
    if found is None:
        return missing()
    place, method = found
    kinds = " ".join(["best"] * (method["name"] == transform["best"]) + [method["role"]])
    exact = method["role"] == "exact" and method["max_abs"] <= EXACT
    mark = Markup('<abbr title="exact: largest difference {}">=</abbr> ').format(show(method["max_abs"]))
    path = f"transforms.{k}.methods.{place}.hellinger.mean"
    return barred(path, method["hellinger"]["mean"], largest, kinds, mark if exact else "", span_of(method))


def size_table(place: int, study: dict[str, Any]) -> Figure:
    """Methods against array sizes for one transformation, the best of each size in bold."""
    rows = study["rows"]
    names = list(dict.fromkeys(name for row in rows for name in row["methods"]))
    errors = [{name: {"hellinger": error} for name, error in row["methods"].items()} for row in rows]
    largest = max((m["hellinger"]["mean"] or 0.0 for column in errors for m in column.values()), default=0)
    best = [min(((mean_of(m), name) for name, m in column.items()), default=("", ""))[1] for column in errors]
    body = []
    for name in names:
        role = "control" if name in CONTROLS else "learned"
        cells = [head(name)]
        for k, column in enumerate(errors):
            if name not in column:
                cells.append(missing())
                continue
            path = f"sizes.{place}.rows.{k}.methods.{name}.mean"
            kinds = " ".join(["best"] * (name == best[k]) + [role])
            cells.append(
                barred(path, column[name]["hellinger"]["mean"], largest, kinds, title=span_of(column[name]))
            )
        body.append((role, cells))
    return Figure(
        f"sizes-{slug(study['name'])}",
        study["label"],
        table("errors sizes", ["method", *map(_size, rows)], body),
        {"unit": ERROR, **study},
    )


def _size(row: dict[str, Any]) -> Markup:
    """The side of the array that is predicted, and of the array that is read: "all cells" may read another."""
    source, everything = row["source"], row.get("source_all_cells", row["source"])
    note = "" if everything == source else f", all cells from {everything}×{everything}"
    return Markup("{0}×{0} cells <small>from {1}×{1}{2}</small>").format(row["field"], source, note)
