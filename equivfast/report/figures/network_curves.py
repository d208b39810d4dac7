"""Curves of a network study: residuals and Lie derivatives over the layers, accuracy over the angle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.axes import axis
from equivfast.report.figures.curves import LEARNED_COLOURS
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.frame import HEIGHT, Frame
from equivfast.report.figures.network_marks import (
    CLOSED,
    STEPS,
    TRAINED,
    LayerAxis,
    curves,
    entries_of,
    known,
    legend,
    multiples,
    order,
)
from equivfast.report.formats import share
from equivfast.report.svg import dot, drawing, scale, show

RESIDUAL = "relative residual"
_LOW = 180
_CONTROLS = ("control1", "control0")
_FORMS = (CLOSED, "learned3", "learned4", "exact")
_MOST = len(STEPS)  # lines that can be told apart in one chart

Result = dict[str, Any]


def residual_curves(result: Result) -> Figure | None:
    """The residual of every layer, a panel for each transformation and a line for each method."""
    looks, entries, names = _looks(result), entries_of(result), order(result)
    found: dict[str, dict[str, list[float | None]]] = {}
    rings: dict[str, dict[int, str]] = {}
    for transform in result["transforms"]:
        here = {
            k: entries[name, transform["name"]][1]
            for k, name in enumerate(names)
            if (name, transform["name"]) in entries
        }
        series: dict[str, list[float | None]] = {name: [None] * len(names) for name in looks}
        for k, entry in here.items():
            for method in entry["methods"]:
                if method["name"] in looks:
                    series[method["name"]][k] = known(method["residual"]["mean"])
        kept = {name: values for name, values in series.items() if any(v is not None for v in values)}
        if kept:
            found[transform["name"]] = kept
            rings[transform["name"]] = {
                k: entry["best"] for k, entry in here.items() if entry["best"] in kept
            }
    if not found:
        return None
    values = [v for series in found.values() for line in series.values() for v in line if v is not None]
    top, ticks = scale(max(values))
    frame = Frame(0.0, top, ticks, RESIDUAL, show, "{:g}".format, height=_LOW)
    labels = {transform["name"]: transform["label"] for transform in result["transforms"]}
    panels = [
        (labels[name], _panel(names, series, looks, frame, rings[name])) for name, series in found.items()
    ]
    items = [(f"curve {look}", name) for name, look in looks.items()]
    body = legend([*items, ("points ring", "best closed form of the layer")]) + multiples("charts", panels)
    data = {"unit": RESIDUAL, "layers": list(names), "transforms": found}
    return Figure("residuals", "Residual, layer by layer", body, data)


def lie_curves(result: Result) -> Figure | None:
    """The local equivariance error of every layer, a line for each generator; None where it was not measured."""
    lie = result["lie"]
    if lie is None:
        return None
    layers, charts = tuple(lie["layers"]), []
    series = {
        name: [known(v) for v in values]
        for name, values in zip(lie["generators"], lie["values"], strict=True)
    }
    top, ticks = scale(max((v for values in series.values() for v in values if v is not None), default=0))
    frame = Frame(0.0, top, ticks, "local equivariance error", show, "{:g}".format)
    for names in _shared_out(list(series), len(LEARNED_COLOURS)):
        looks = dict(zip(names, LEARNED_COLOURS, strict=False))
        chart = _panel(layers, {name: series[name] for name in names}, looks, frame)
        charts.append(("", legend((f"curve {looks[name]}", name) for name in names) + chart))
    return Figure("lie-curves", "Lie derivative, layer by layer", multiples("one", charts), lie)


def angle_curves(result: Result) -> Figure | None:
    """Accuracy over the angle of rotation, a line for each layer with a map after it; None where not measured."""
    angles = result["angles"]
    if angles is None:
        return None
    degrees = [float(value) for value in angles["degrees"]]
    place, _ = axis("degrees", degrees)
    about = [f"{value:g}°" for value in degrees]
    original = known(angles["original"])
    levels = (
        () if original is None else (("level", original, f"original, no transformation ({share(original)})"),)
    )
    frame = Frame(0.0, 1.0, [k / 5 for k in range(6)], "top-1 accuracy", share, "{:.0%}".format, levels)
    charts = []
    for names in _shared_out(list(angles["series"]), _MOST):
        looks = dict(zip(names, _spread(len(names)), strict=True)) | {"no map": "control1"}
        series = {name: [known(v) for v in angles["series"][name]] for name in names}
        series = {"no map": [known(v) for v in angles["none"]], **series}
        parts = [
            *frame.parts("degrees", degrees),
            *curves(series, [place(v) for v in degrees], looks, frame, about),
        ]
        items = [
            (f"curve {look}", name if name == "no map" else f"after {name}") for name, look in looks.items()
        ]
        items += [(kind, words) for kind, _, words in levels]
        chart = Markup('<div class="curves">{}</div>').format(drawing(HEIGHT + 44, parts))
        charts.append(("", legend(items) + chart))
    return Figure(
        "angle-curves",
        "Accuracy over the angle",
        multiples("one", charts),
        {"unit": "top-1 accuracy", **angles},
    )


def _panel(
    names: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    looks: Mapping[str, str],
    frame: Frame,
    rings: Mapping[int, str] | None = None,
) -> Markup:
    layers = LayerAxis(tuple(names))
    places = [layers.place(k) for k in range(len(names))]
    parts = [*frame.upright(), *curves(series, places, looks, frame, names)]
    for k, best in (rings or {}).items():
        value = series[best][k]
        if value is not None:
            title = f"{names[k]}, best closed form: {best}, {frame.words(value)}"
            parts.append(dot(f"{places[k]:.3f}%", frame.y(value), 5, "ring", title))
    return layers.chart(frame.height, parts)


def _looks(result: Result) -> dict[str, str]:
    """The lines of the methods that are drawn: two controls, four closed forms and a trained map at most."""
    roles: dict[str, list[str]] = {"control": [], "closed": [], "trained": []}
    best = Counter(entry["best"] for entry in result["entries"])
    for entry in result["entries"]:
        for method in entry["methods"]:
            if method["name"] not in roles[method["role"]]:
                roles[method["role"]].append(method["name"])
    # Filter banks of one and of three cells are those that people compare.
    chosen = sorted(roles["closed"], key=lambda name: (name not in ("1x1", "3x3"), -best[name]))[
        : len(_FORMS)
    ]
    kept = [name for name in roles["closed"] if name in chosen]
    named = (
        ("control", _CONTROLS, roles["control"]),
        ("closed", _FORMS, kept),
        ("trained", (TRAINED,), roles["trained"]),
    )
    return {name: look for _, looks, names in named for name, look in zip(names, looks, strict=False)}


def _shared_out(names: list[str], most: int) -> list[list[str]]:
    """The names in order, in as few nearly equal parts as hold at most so many each."""
    count = -(-len(names) // most) or 1
    ends = [round(k * len(names) / count) for k in range(count + 1)]
    return [names[start:end] for start, end in pairwise(ends)]


def _spread(count: int) -> list[str]:
    """So many of the eight steps, as far apart as they can be."""
    last = len(STEPS) - 1
    return [STEPS[round(k * last / max(count - 1, 1))] for k in range(count)]
