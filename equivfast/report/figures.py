"""The figures of a page: each is safe HTML together with the data it shows, and shows nothing else."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.svg import (
    dot,
    drawing,
    labels_below,
    line,
    percent,
    rect,
    scale,
    show,
    slug,
    text,
    upright_grid,
)

ERROR = "mean Hellinger distance per cell"
MOST_ROWS = 14
# The largest difference of a feature that rounding explains; the error takes its square root.
EXACT = 1e-4
LEARNED_COLOURS = ("learned", "learned2", "learned3", "learned4")

Method = dict[str, Any]
Series = list[tuple[str, Method]]


@dataclass(frozen=True)
class Figure:
    """`body` is safe HTML; `data` what it shows, which the page offers as JSON; `legend`: (colour, words)."""

    id: str
    title: str
    body: Markup
    data: Any
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def json(self) -> Markup:
        """The data for a <script> element, free of any tag that could end it."""
        content = json.dumps(finite(self.data), ensure_ascii=False, allow_nan=False)
        return Markup(content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))

    @property
    def link(self) -> str:
        """The data as an address that a browser saves to a file."""
        content = json.dumps(finite(self.data), ensure_ascii=False, allow_nan=False, indent=1)
        return "data:application/json;base64," + base64.b64encode(content.encode()).decode()


def compared(transform: dict[str, Any]) -> Series:
    """(colour, method) of what the charts show: the controls, the best learned map, the exact action."""

    def of(role: str) -> list[Method]:
        return [method for method in transform["methods"] if method["role"] == role]

    series = [(f"control{min(k, 1)}", method) for k, method in enumerate(of("control"))]
    series += [("learned", m) for m in sorted(of("learned"), key=lambda m: float(m["hellinger"]["mean"]))[:1]]
    return series + [("exact", method) for method in of("exact")[:1]]


def error_bars(transforms: Sequence[dict[str, Any]]) -> Figure:
    """One group of bars per transformation, with intervals: controls, best learned map, exact action."""
    groups = [(transform, compared(transform)) for transform in transforms]
    top, ticks = scale(max((_interval(method)[1] for _, bars in groups for _, method in bars), default=0))
    rows = [
        _row(transform["label"], _bar_group(bars, top, ticks), "{}×{} cells".format(*transform["field"]))
        for transform, bars in groups
    ]
    title = text("50%", 34, ERROR, "axis-title", anchor="middle")
    rows.append(_row("", drawing(38, [*labels_below(top, ticks, 14), title])))
    data = [
        {
            "name": transform["name"],
            "label": transform["label"],
            "series": [{"method": m["name"], "role": m["role"], **m["hellinger"]} for _, m in bars],
        }
        for transform, bars in groups
    ]
    names = {colour: method["name"] for _, bars in groups for colour, method in bars}
    words = {**names, "learned": "best learned map", "exact": "exact action (cells and channels permuted)"}
    legend = tuple((c, words[c]) for c in ("control0", "control1", "learned", "exact") if c in names)
    body = Markup('<div class="bars">{}</div>').format(Markup("").join(rows))
    return Figure(
        "errors", "Error with and without the map", body, {"unit": ERROR, "transforms": data}, legend
    )


def _bar_group(bars: Series, top: float, ticks: Sequence[float]) -> Markup:
    height = 17 * len(bars) + 14
    parts = upright_grid(top, ticks, height)
    for k, (colour, method) in enumerate(bars):
        mean, (low, high), y = method["hellinger"]["mean"], _interval(method), 8 + 17 * k
        title = f"{method['name']}: {show(mean)} ({show(low)} to {show(high)})"
        parts += [
            rect("0", y, percent(mean, top), 11, colour, title),
            line(percent(low, top), y + 5.5, percent(high, top), y + 5.5, "interval"),
            text(percent(high, top), y + 9.5, show(mean), f"value {colour}", dx=6),
        ]
    return drawing(height, parts)


def _interval(method: Method) -> tuple[float, float]:
    error = method["hellinger"]
    low, high = (error["mean"] if error.get(end) is None else error[end] for end in ("low", "high"))
    return float(low), float(high)


def _row(name: str, plot: Markup, note: str = "") -> Markup:
    return Markup(
        '<div class="row"><div class="name">{} <small>{}</small></div><div class="plot">{}</div></div>'
    ).format(name, note, plot)


def error_curves(name: str, curve: dict[str, Any]) -> Figure:
    """Error against a parameter of the transformation, one line per method; None in a series is a gap."""
    parameter = next(key for key in curve if key != "series")
    x, series = [float(value) for value in curve[parameter]], curve["series"]
    top, ticks = scale(max((v for values in series.values() for v in values if v is not None), default=0))
    height, start, end = 240, min(x), max(x) if max(x) > min(x) else min(x) + 1
    controls = [method for method in series if method in ("no map", "cells moved")]
    colours = {method: f"control{k}" for k, method in enumerate(controls)}
    learned = [method for method in series if method not in controls]
    colours |= {method: LEARNED_COLOURS[k % len(LEARNED_COLOURS)] for k, method in enumerate(learned)}

    parts = []
    for tick in ticks:
        level = height * (1 - tick / top)
        parts += [
            line("0", level, "100%", level, "grid"),
            text("0", level + 4, f"{tick:.6g}", "tick", anchor="end", dx=-8),
        ]
    every = -(-len(x) // 10)
    parts += [
        text(percent(v, end, start), height + 18, f"{v:g}", "tick", anchor="middle") for v in x[::every]
    ]
    parts.append(text("50%", height + 38, f"{name}, {parameter}", "axis-title", anchor="middle"))
    for method, values in series.items():
        points = [
            None
            if v is None
            else (percent(at, end, start), round(height * (1 - v / top), 2), f"{method}, {at:g}: {show(v)}")
            for at, v in zip(x, values, strict=True)
        ]
        for a, b in itertools.pairwise(points):
            if a and b:
                parts.append(line(a[0], a[1], b[0], b[1], f"curve {colours[method]}"))
        parts += [dot(p[0], p[1], 3.5, colours[method], p[2]) for p in points if p]
    legend = tuple((colours[method], method) for method in series)
    body = Markup('<div class="curves">{}</div>').format(drawing(height + 44, parts))
    return Figure(f"curve-{slug(name)}", f"Error against {name}", body, {"unit": ERROR, **curve}, legend)


def photo_errors(transform: dict[str, Any]) -> Figure:
    """The mean error on each held-out photograph: a row of dots each, or a histogram where there are many."""
    series = [(c, method) for c, method in compared(transform) if c != "exact" and method.get("per_photo")]
    errors = {method["name"]: method["per_photo"] for _, method in series}
    photos = list(dict.fromkeys(photo for values in errors.values() for photo in values))
    top, ticks = scale(max((value for values in errors.values() for value in values.values()), default=0))
    draw = _photo_rows if len(photos) <= MOST_ROWS else _photo_histogram
    body = draw(series, photos, top, ticks) if photos else Markup("")
    data = {"unit": ERROR, "transform": transform["name"], "per_photo": errors}
    legend = tuple((colour, method["name"]) for colour, method in series)
    return Figure(f"photos-{slug(transform['name'])}", "Error on each photograph", body, data, legend)


def _photo_rows(series: Series, photos: Sequence[str], top: float, ticks: Sequence[float]) -> Markup:
    rows = []
    for photo in photos:
        values = [
            (colour, m["per_photo"][photo], m["name"]) for colour, m in series if photo in m["per_photo"]
        ]
        ends = [percent(pick(value for _, value, _ in values), top) for pick in (min, max)]
        parts = [*upright_grid(top, ticks, 24), line(ends[0], 12, ends[1], 12, "join")]
        parts += [
            dot(percent(value, top), 12, 5, colour, f"{name}: {show(value)}")
            for colour, value, name in values
        ]
        rows.append(_row(photo, drawing(24, parts)))
    rows.append(_row("", drawing(18, labels_below(top, ticks, 14))))
    return Markup('<div class="bars dots">{}</div>').format(Markup("").join(rows))


def _photo_histogram(series: Series, photos: Sequence[str], top: float, ticks: Sequence[float]) -> Markup:
    bins, height = 24, 150
    counts = {colour: [0] * bins for colour, _ in series}
    for colour, method in series:
        for value in method["per_photo"].values():
            counts[colour][min(int(bins * value / top), bins - 1)] += 1
    most = max(max(values) for values in counts.values())
    parts = upright_grid(top, ticks, height)
    for colour, values in counts.items():
        for k, count in enumerate(values):
            tall = round(height * count / most, 1)
            if count:
                where = f"{count} photographs, {show(top * k / bins)} to {show(top * (k + 1) / bins)}"
                parts.append(
                    rect(percent(k, bins), height - tall, percent(1, bins), tall, f"bin {colour}", where)
                )
    parts += [*labels_below(top, ticks, height + 16), line("0", height, "100%", height, "join")]
    parts.append(text("100%", 10, f"tallest bar: {most} of {len(photos)} photographs", "tick", anchor="end"))
    return Markup('<div class="histogram">{}</div>').format(drawing(height + 22, parts))


def error_table(transforms: Sequence[dict[str, Any]]) -> Figure:
    """All methods by all transformations: mean errors with bars, the best in bold, exact actions marked."""
    names = list(dict.fromkeys(m["name"] for transform in transforms for m in transform["methods"]))
    cells = {(m["name"], k): m for k, transform in enumerate(transforms) for m in transform["methods"]}
    roles = {m["name"]: m["role"] for m in cells.values()}
    largest = max((m["hellinger"]["mean"] for m in cells.values()), default=0) or 1.0
    head = Markup("").join(
        Markup('<th scope="col">{}</th>').format(transform["label"]) for transform in transforms
    )
    rows = []
    for name in sorted(names, key=lambda name: ("control", "exact", "learned").index(roles[name])):
        row = (
            _table_cell(cells.get((name, k)), transform, largest) for k, transform in enumerate(transforms)
        )
        rows.append(
            Markup('<tr class="{}"><th scope="row">{}</th>{}</tr>').format(
                roles[name], name, Markup("").join(row)
            )
        )
    body = Markup(
        '<div class="scroll"><table class="errors"><thead><tr><th scope="col">method</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(head, Markup("").join(rows))
    data = {
        "unit": ERROR,
        "transforms": [
            {"name": t["name"], "label": t["label"], "best": t["best"], "methods": t["methods"]}
            for t in transforms
        ],
    }
    return Figure("table", "All methods", body, data)


def _table_cell(method: Method | None, transform: dict[str, Any], largest: float) -> Markup:
    if method is None:
        return Markup('<td class="none">–</td>')
    mean = method["hellinger"]["mean"]
    kinds = " ".join(["best"] * (method["name"] == transform["best"]) + [method["role"]])
    exact = method["role"] == "exact" and method["max_abs"] <= EXACT
    mark = Markup('<abbr title="exact: largest difference {}">=</abbr> ').format(show(method["max_abs"]))
    return Markup(
        '<td class="{}"><span class="bar" style="width:{}"></span><span class="number">{}{}</span></td>'
    ).format(kinds, percent(mean, largest), mark if exact else "", show(mean))
