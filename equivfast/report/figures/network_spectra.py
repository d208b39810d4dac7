"""Eigenvalues of maps in the complex plane, and the maps themselves as pictures: layers by transformations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import head, missing, table
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.network_marks import entries_of, measured
from equivfast.report.svg import show

EDGE = 1.3  # what is drawn of the plane, on each side of 0
_SIDE = 96  # pixels

Result = dict[str, Any]


def spectra(result: Result) -> Figure | None:
    """The eigenvalues of every map; on the circle is what turns without loss, at 1 what does not change."""

    def draw(entry: dict[str, Any], name: str) -> Markup:
        return _plane(entry["spectrum"], name)

    layers, _ = measured(result, "spectrum")
    if not layers:
        return None
    data = [
        {
            **{key: entry[key] for key in ("layer", "transform", "eigenspace")},
            "spectrum": _short(entry["spectrum"]),
        }
        for entry in result["entries"]
        if entry["spectrum"] is not None
    ]
    return Figure("eigenvalues", "Eigenvalues", _grid(result, "spectrum", draw), data)


def patterns(result: Result) -> Figure | None:
    """|A| of every map as a picture, channels by channels."""

    def draw(entry: dict[str, Any], name: str) -> Markup:
        return Markup('<img class="matrix-of" src="{}" alt="the matrix of {}">').format(
            entry["patterns"], name
        )

    layers, _ = measured(result, "patterns")
    if not layers:
        return None
    data = [
        {key: entry[key] for key in ("layer", "transform", "best")}
        for entry in result["entries"]
        if entry["patterns"] is not None
    ]
    return Figure("matrices", "Matrices", _grid(result, "patterns", draw), data)


def _grid(result: Result, part: str, draw: Any) -> Markup:
    layers, transforms = measured(result, part)
    entries, rows = entries_of(result), []
    for layer in layers:
        cells = [head(layer)]
        for transform in transforms:
            _, entry = entries.get((layer, transform["name"]), (0, {}))
            if entry.get(part) is None:
                cells.append(missing())
            else:
                cells.append(Markup("<td>{}</td>").format(draw(entry, f"{layer}, {transform['label']}")))
        rows.append(("", cells))
    return table("planes", ["layer", *(transform["label"] for transform in transforms)], rows)


def _short(values: Sequence[Sequence[float]]) -> list[list[float]]:
    """What can be seen of thousands of eigenvalues; all digits are in the data of the whole page."""
    return [[round(part, 4) for part in value] for value in values]


def _plane(values: Sequence[Sequence[float]], name: str) -> Markup:
    near: list[str] = []
    far: list[str] = []
    for real, imaginary in values:
        length = math.hypot(real, imaginary)
        if not math.isfinite(length):
            continue
        shrink = min(1.0, 0.97 * EDGE / length) if length else 1.0
        # Imaginary parts go upwards; a stretch of no length with round ends is a dot.
        spot = f"M{real * shrink:.3f} {-imaginary * shrink:.3f}h0"
        (near if shrink == 1.0 else far).append(spot)
    largest = max((math.hypot(*value) for value in values), default=0.0)
    title = f"{name}: {len(values)} eigenvalues, the largest {show(largest)}"
    return Markup(
        '<svg class="spectrum" role="img" width="{side}" height="{side}" viewBox="{start} {start} {span} {span}">'
        "<title>{title}</title>"
        '<path class="cross" d="M{start} 0H{edge}M0 {start}V{edge}"/><circle class="unit" r="1"/>'
        '<circle class="one" cx="1" r=".13"/><path class="eigen" d="{near}"/><path class="eigen far" d="{far}"/></svg>'
    ).format(
        side=_SIDE, start=-EDGE, span=2 * EDGE, edge=EDGE, title=title, near="".join(near), far="".join(far)
    )
