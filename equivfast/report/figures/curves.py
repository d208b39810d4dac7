"""Curves over a parameter of the transformation: errors, and the accuracy of the task check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.axes import TITLES, axis, tick_kind
from equivfast.report.figures.figure import ERROR, Figure
from equivfast.report.formats import share
from equivfast.report.svg import band, dot, drawing, line, path, plane, scale, show, slug, text

LEARNED_COLOURS = ("learned", "learned2", "learned3", "learned4")
CONTROLS = ("no map", "cells moved")
HEIGHT = 240
# Up to this many points a curve shows them; beyond, they answer to the pointer only.
MOST_DOTS = 15

Curve = Mapping[str, Any]


@dataclass(frozen=True)
class _Frame:
    """What the drawing spans upwards, the words of a value, and a level to compare with."""

    bottom: float
    top: float
    ticks: Sequence[float]
    words: Any
    tick_words: Any
    level: tuple[float, str] | None = None

    def y(self, value: float) -> float:
        return round(HEIGHT * (1 - (value - self.bottom) / (self.top - self.bottom)), 2)


def highest(curves: Iterable[Curve]) -> float:
    """The largest value of several curves, their intervals included: curves side by side share an axis."""
    return max((value for curve in curves for value in _values(curve)), default=0.0)


def error_curves(name: str, curve: Curve, largest: float | None = None) -> Figure:
    """Error against a parameter of the transformation, one line per method; None in a series is a gap."""
    top, ticks = scale(highest([curve]) if largest is None else largest)
    frame = _Frame(0.0, top, ticks, show, "{:.6g}".format)
    return _figure(f"curve-{slug(name)}", f"Error against {name}", curve, frame, {"unit": ERROR})


def accuracy_curves(task: Mapping[str, Any]) -> list[Figure]:
    """How often the classifier is right, against each parameter, beside its accuracy on upright images."""
    curves = task["curves"]
    lowest = min((value for curve in curves.values() for value in _values(curve)), default=0.0)
    bottom = next(start for start in (0.5, 0.4, 0.0) if lowest >= start)
    ticks = [k / 10 for k in range(round(10 * bottom), 11, 1 if bottom else 2)]
    upright = task["upright"]["mean"]
    level = None if upright is None else (upright, f"upright {share(upright)}")
    frame = _Frame(bottom, 1.0, ticks, share, share, level)
    return [
        _figure(
            f"task-{slug(name)}", f"Accuracy against {name}", curve, frame, {"unit": "share of right answers"}
        )
        for name, curve in curves.items()
    ]


def _values(curve: Curve) -> Iterator[float]:
    for part in ("series", "low", "high"):
        for values in (curve.get(part) or {}).values():
            yield from (float(value) for value in values if value is not None)


def _figure(name: str, title: str, curve: Curve, frame: _Frame, about: dict[str, Any]) -> Figure:
    parameter = next(key for key in curve if key not in ("series", "low", "high"))
    values = [float(value) for value in curve[parameter]]
    place, ticks = axis(parameter, values)
    places, colours = [place(value) for value in values], _colours(curve["series"])
    parts = []
    for tick in frame.ticks:
        y = frame.y(tick)
        parts += [
            line("0", y, "100%", y, "grid"),
            text("0", y + 4, frame.tick_words(tick), "tick", anchor="end", dx=-8),
        ]
    for value, words in ticks:
        at = f"{place(value):.3f}%"
        parts += [
            line(at, HEIGHT, at, HEIGHT + 4, "join"),
            text(at, HEIGHT + 18, words, tick_kind(words), anchor="middle"),
        ]
    parts.append(text("50%", HEIGHT + 38, TITLES.get(parameter, parameter), "axis-title", anchor="middle"))
    if frame.level:
        y = frame.y(frame.level[0])
        parts += [
            line("0", y, "100%", y, "level"),
            text("100%", y - 5, frame.level[1], "tick", anchor="end"),
        ]
    parts.append(plane(HEIGHT, _lines(curve, places, colours, frame)))
    for method, numbers in curve["series"].items():
        parts += _dots(method, numbers, values, places, colours[method], frame)
    legend = tuple((colours[method], method) for method in curve["series"])
    body = Markup('<div class="curves">{}</div>').format(drawing(HEIGHT + 44, parts))
    return Figure(name, title, body, {**about, **curve}, legend)


def _lines(
    curve: Curve, places: Sequence[float], colours: Mapping[str, str], frame: _Frame
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
    frame: _Frame,
) -> Iterator[Markup]:
    for k, value in enumerate(numbers):
        if value is not None:
            alone = all(near is None for near in [*numbers[max(k - 1, 0) : k], *numbers[k + 1 : k + 2]])
            seen = len(numbers) <= MOST_DOTS or alone
            title = f"{method}, {values[k]:g}: {frame.words(value)}"
            kind, radius = (colour, 3) if seen else ("hit", 5)
            yield dot(f"{places[k]:.3f}%", frame.y(value), radius, kind, title)


def _colours(series: Iterable[str]) -> dict[str, str]:
    methods = list(series)
    controls = [method for method in methods if method in CONTROLS]
    learned = [method for method in methods if method not in controls]
    return {method: f"control{k}" for k, method in enumerate(controls)} | {
        method: LEARNED_COLOURS[k % len(LEARNED_COLOURS)] for k, method in enumerate(learned)
    }
