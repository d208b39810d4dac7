"""The curves of a pose study: how many errors are small, and the score of every pose of an example."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.figure import Figure
from equivfast.report.figures.frame import HEIGHT, Frame
from equivfast.report.figures.poses import Task, colours, near_words, networks
from equivfast.report.formats import share
from equivfast.report.svg import drawing, line, path, plane, slug

SHARE = "share of test images"
SCORE = "score, each learner’s from 0 (lowest) to 1 (highest)"
LEARNERS = ("direct", "equivariant")
_LOW = 150  # the height of an example's plot
_ROUND = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_ANGLES = (0, 1, 5, 15, 30, 60, 90, 120, 180)
_APART = 8.5  # per cent of the width: labels nearer than that run into each other on a telephone


def cumulative_curves(task: Task) -> Figure:
    """Share of errors up to every limit, a line for each learner; small errors have the wider part of the axis."""
    limits, series = task["cumulative"]["limits"], task["cumulative"]["series"]
    top = max(limits) or 1.0

    def place(limit: float) -> float:
        # The square root keeps 0 and shows both the few degrees of a good answer and the half turn of a bad one.
        return round(100 * float(limit / top) ** 0.5, 3)

    frame = Frame(0.0, 1.0, [0, 0.25, 0.5, 0.75, 1], SHARE, share, "{:.0%}".format)
    degrees = task["unit"] == "degrees"
    marks = [
        (place(limit), f"{limit:g}°" if degrees else f"{limit:g}") for limit in _marked(task, top, place)
    ]
    unit = "" if degrees else f" in {task['unit']}"
    parts = [*frame.upright(), *frame.across(marks, f"error{unit}, at most (square-root axis)")]
    levels = []
    if task["near"] <= top:
        at = f"{place(task['near']):.3f}%"
        parts.append(line(at, 0, at, HEIGHT, "near"))
        levels = [("near", f"within {near_words(task)}")]
    hidden = {network["rows"]["direct"] for network in networks(task)}
    shown = {name: shares for name, shares in series.items() if name not in hidden}
    looks = colours(shown)
    lines = [
        path(
            [(place(limit), frame.y(part)) for limit, part in zip(limits, parts_, strict=True)],
            f"curve {looks[n]}",
        )
        for n, parts_ in shown.items()
    ]
    parts.append(plane(HEIGHT, lines))
    legend = (*((f"curve {looks[name]}", name) for name in shown), *levels)
    body = Markup('<div class="curves">{}</div>').format(drawing(HEIGHT + 44, parts))
    data = {"unit": task["unit"], "near": task["near"], **task["cumulative"]}
    return Figure(f"cumulative-{slug(task['name'])}", task["label"], body, data, legend, marks="lines")


def score_curves(curve: dict[str, Any]) -> Markup:
    """The score of every searched angle by both learners, true and found angle marked."""
    degrees = [float(value) for value in curve["degrees"]]
    start = min(degrees)

    def place(value: float) -> float:
        return round(100 * (value - start) / 360, 3)

    frame = Frame(0.0, 1.0, [0, 1], SCORE, "{:g}".format, "{:g}".format, height=_LOW)
    ticks = [value for value in range(-360, 721, 60) if start <= value <= start + 360]
    parts = [*frame.upright(), *frame.across([(place(v), f"{v}°") for v in ticks], "angle")]
    for kind in ("truth", "found"):
        at = f"{place(start + (curve[kind] - start) % 360):.3f}%"
        parts.append(line(at, 0, at, _LOW, kind))
    looks, lines = colours(LEARNERS), []
    for name in LEARNERS:
        points = [(place(x), frame.y(y)) for x, y in _closed(degrees, curve[name])]
        lines.append(path(points, f"curve {looks[name]}"))
    parts.append(plane(_LOW, lines))
    return Markup('<div class="curves">{}</div>').format(drawing(_LOW + 44, parts))


def _closed(degrees: Sequence[float], scores: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Scores between 0 and 1 by angle, and the first once more after a full turn: poses lie on a circle."""
    low, high = min(scores), max(scores)
    points = sorted(zip(degrees, scores, strict=True))
    points.append((points[0][0] + 360, points[0][1]))
    for angle, score in points:
        yield angle, (score - low) / (high - low) if high > low else 0.5


def _marked(task: Task, top: float, place: Callable[[float], float]) -> list[float]:
    """The limits that have words below the axis: both ends and that of "within", then others that have room."""
    wanted = _ANGLES if task["unit"] == "degrees" else _ROUND
    found = [0.0, float(top)]
    for limit in (task["near"], *reversed(wanted)):
        if 0 < limit < top and all(abs(place(limit) - place(other)) >= _APART for other in found):
            found.append(float(limit))
    return sorted(found)
