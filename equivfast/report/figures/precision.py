"""Precision against recall of one finder or several, and what a threshold makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import cell, head, missing, table
from equivfast.report.figures.curves import LEARNED_COLOURS
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.frame import HEIGHT, Frame
from equivfast.report.formats import share
from equivfast.report.svg import dot, drawing, line, path, plane

OWN = "PoseDetector"
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)
_LOOKS = (*LEARNED_COLOURS, "control1", "control0")

Curve = dict[str, Any]


def finders(result: dict[str, Any]) -> list[tuple[str, str, Curve]]:
    """(name, place in the result, curve) of the detector, then of each rival."""
    own = (OWN, "clutter.curve", result["clutter"]["curve"])
    rivals = enumerate(result.get("rivals") or [])
    return [own, *((rival["name"], f"rivals.{k}.curve", rival["curve"]) for k, rival in rivals)]


def precision_curves(result: dict[str, Any]) -> Figure:
    """A line for each finder, from its surest find to its last; where the detector's own threshold stands."""
    frame = Frame(0.0, 1.0, _QUARTERS, "precision", share, "{:.0%}".format)
    marks = [(100.0 * tick, f"{tick:.0%}") for tick in _QUARTERS]
    parts = [*frame.upright(), *frame.across(marks, "recall")]
    known, lines, legend = finders(result), [], []
    for k, (name, _, curve) in enumerate(known):
        look = f"curve {_LOOKS[k % len(_LOOKS)]}"
        legend.append((look, name))
        if curve["recall"]:
            lines.append(path([(100 * r, frame.y(p)) for r, p in corners(curve)], look))
    parts.append(plane(HEIGHT, lines[::-1]))  # the detector's own on top
    at = result["clutter"]["at_threshold"]
    if None not in (at["precision"], at["recall"]):
        x, y = f"{100 * at['recall']:.3f}%", frame.y(at["precision"])
        title = f"threshold {result['threshold']:g}: precision {share(at['precision'])}, recall {share(at['recall'])}"
        parts += [line(x, y, x, HEIGHT, "near"), line("0", y, x, y, "near"), dot(x, y, 5, "mark", title)]
        legend.append(("near", f"at the default threshold, {result['threshold']:g}"))
    body = Markup('<div class="curves">{}</div>').format(drawing(HEIGHT + 44, parts))
    data = {"threshold": result["threshold"], "at_threshold": at, "curves": {name: c for name, _, c in known}}
    return Figure("precision-recall", "Precision against recall", body, data, tuple(legend), marks="lines")


def corners(curve: Curve) -> list[tuple[float, float]]:
    """The points that a curve is drawn through: between finds of the same recall it falls straight down.

    >>> corners({"recall": [0.5, 0.5, 0.5, 1.0], "precision": [1.0, 0.5, 0.33, 0.5]})
    [(0.0, 1.0), (0.5, 1.0), (0.5, 0.33), (1.0, 0.5)]
    """
    points: list[tuple[float, float]] = list(zip(curve["recall"], curve["precision"], strict=True))
    ends = [
        point
        for k, point in enumerate(points)
        if not 0 < k < len(points) - 1 or not points[k - 1][0] == point[0] == points[k + 1][0]
    ]
    return [(0.0, ends[0][1]), *ends] if ends[0][0] > 0 else ends


def finder_table(result: dict[str, Any]) -> Figure:
    """Average precision of each finder, its highest recall, and the detector at its own threshold."""
    at, rows = result["clutter"]["at_threshold"], []
    known = finders(result)
    for k, (name, place, curve) in enumerate(known):
        last = len(curve["recall"]) - 1
        ours = [cell(f"clutter.at_threshold.{key}", at[key], "share") for key in ("precision", "recall")]
        cells = [
            head(name),
            cell(f"{place}.average_precision", curve["average_precision"]),
            *([missing(), missing()] if k else ours),
            missing() if last < 0 else cell(f"{place}.recall.{last}", curve["recall"][last], "share"),
        ]
        rows.append(("" if k else "learned", cells))
    threshold = f"at threshold {result['threshold']:g}"
    heads = [
        "finder",
        "average precision",
        *(Markup("{} <small>{}</small>").format(name, threshold) for name in ("precision", "recall")),
        Markup("recall <small>of all finds</small>"),
    ]
    data = {"at_threshold": at, "finders": [_figures_of(name, curve) for name, _, curve in known]}
    return Figure("finders", "In figures", table("plain endings", heads, rows), data)


def _figures_of(name: str, curve: Curve) -> dict[str, Any]:
    last: Sequence[float] = curve["recall"][-1:]
    return {
        "name": name,
        "average_precision": curve["average_precision"],
        "recall": last[0] if last else None,
    }
