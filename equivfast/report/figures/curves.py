"""Curves over a parameter of the transformation: errors, and the accuracy of the task check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.axes import axis
from equivfast.report.figures.figure import ERROR, Figure
from equivfast.report.figures.frame import HEIGHT, Frame
from equivfast.report.formats import share
from equivfast.report.svg import band, dot, drawing, path, plane, scale, show, slug

LEARNED_COLOURS = ("learned", "learned2", "learned3", "learned4")
# A solver has one line on the whole page, whatever stands beside it.
SOLVERS = {"forward selection": "learned", "ridge": "learned2", "least squares": "learned3"}
CONTROLS = ("no map", "cells moved")
ACCURACY = "accuracy, mean of both classes"
CHANCE = 0.5  # accuracies are means over two classes
# Up to this many points a curve shows them; beyond, they answer to the pointer only.
MOST_DOTS = 15

Curve = Mapping[str, Any]


def highest(curves: Iterable[Curve]) -> float:
    """The largest value of several curves, their intervals included: curves side by side share an axis."""
    return max((value for curve in curves for value in _values(curve)), default=0.0)


def error_curves(name: str, curve: Curve, largest: float | None = None) -> Figure:
    """Error against a parameter of the transformation, one line per method; None in a series is a gap."""
    top, ticks = scale(highest([curve]) if largest is None else largest)
    frame = Frame(0.0, top, ticks, ERROR, show, "{:.6g}".format)
    return _figure(f"curve-{slug(name)}", f"Error against {name}", curve, frame, {"unit": ERROR})


def accuracy_curves(task: Mapping[str, Any]) -> list[Figure]:
    """How often the classifier is right, against each parameter, beside its accuracy on upright images."""
    lowest = min((value for curve in task["curves"].values() for value in _values(curve)), default=0.0)
    bottom = next(start for start in (0.5, 0.4, 0.0) if lowest >= start)
    ticks = [k / 10 for k in range(round(10 * bottom), 11, 1 if bottom else 2)]
    upright = task["upright"]["mean"]
    levels = [] if upright is None else [("level", upright, f"upright images ({share(upright)})")]
    if bottom < CHANCE:
        levels.append(("guess", CHANCE, f"guessing ({share(CHANCE)})"))
    frame = Frame(bottom, 1.0, ticks, ACCURACY, share, share, tuple(levels))
    return [
        _figure(f"task-{slug(name)}", f"Accuracy against {name}", curve, frame, {"unit": ACCURACY})
        for name, curve in task["curves"].items()
    ]


def _values(curve: Curve) -> Iterator[float]:
    for part in ("series", "low", "high"):
        for values in (curve.get(part) or {}).values():
            yield from (float(value) for value in values if value is not None)


def _figure(name: str, title: str, curve: Curve, frame: Frame, about: dict[str, Any]) -> Figure:
    parameter = next(key for key in curve if key not in ("series", "low", "high"))
    values = [float(value) for value in curve[parameter]]
    place, _ = axis(parameter, values)
    places, colours = [place(value) for value in values], _colours(curve["series"])
    parts = [*frame.parts(parameter, values)]
    parts.append(plane(HEIGHT, _lines(curve, places, colours, frame)))
    for method, numbers in curve["series"].items():
        parts += _dots(method, numbers, values, places, colours[method], frame)
    legend = [(f"curve {colours[method]}", method) for method in curve["series"]]
    legend += [(kind, words) for kind, _, words in frame.levels]
    body = Markup('<div class="curves">{}</div>').format(drawing(HEIGHT + 44, parts))
    return Figure(name, title, body, {**about, **curve}, tuple(legend), marks="lines")


def _lines(
    curve: Curve, places: Sequence[float], colours: Mapping[str, str], frame: Frame
) -> Iterator[Markup]:
    """Intervals below, lines above them."""
    lows, highs = curve.get("low") or {}, curve.get("high") or {}
    for method in curve["series"]:
        if method in lows and method in highs:
            both = list(zip(places, lows[method], highs[method], strict=True))
            for run in _runs(both):
                upper = [(x, frame.y(high)) for x, _, high in run]
                lower = [(x, frame.y(low)) for x, low, _ in run]
                yield band(upper + lower[::-1], f"band {colours[method]}")
    for method, numbers in curve["series"].items():
        for run in _runs(list(zip(places, numbers, strict=True))):
            if len(run) > 1:
                yield path([(x, frame.y(value)) for x, value in run], f"curve {colours[method]}")


def _runs(points: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Stretches without a gap: points that hold None belong to none."""
    run: list[tuple[Any, ...]] = []
    for point in points:
        if None not in point:
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _dots(
    method: str,
    numbers: Sequence[float | None],
    values: Sequence[float],
    places: Sequence[float],
    colour: str,
    frame: Frame,
) -> Iterator[Markup]:
    for k, value in enumerate(numbers):
        if value is not None:
            alone = all(near is None for near in [*numbers[max(k - 1, 0) : k], *numbers[k + 1 : k + 2]])
            seen = len(numbers) <= MOST_DOTS or alone
            title = f"{method}, {values[k]:g}: {frame.words(value)}"
            kind, radius = (colour, 3) if seen else ("hit", 5)
            yield dot(f"{places[k]:.3f}%", frame.y(value), radius, kind, title)


def _colours(series: Iterable[str]) -> dict[str, str]:
    """The class of each line: solvers have their own, anything else takes what is left."""
    methods = list(series)
    controls = [method for method in methods if method in CONTROLS]
    found = {method: f"control{k}" for k, method in enumerate(controls)}
    for method in methods:
        own = next((colour for solver, colour in SOLVERS.items() if method.startswith(solver)), None)
        if method not in found and own not in (None, *found.values()):
            found[method] = str(own)
    left = [colour for colour in LEARNED_COLOURS if colour not in found.values()] or list(LEARNED_COLOURS)
    others = [method for method in methods if method not in found]
    return found | {method: left[k % len(left)] for k, method in enumerate(others)}
