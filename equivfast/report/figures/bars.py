"""The chart at the head of the page: errors of every transformation as bars with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.figure import ERROR, Figure, Series, compared, field_note, interval_of, row
from equivfast.report.svg import (
    drawing,
    labels_below,
    line,
    percent,
    rect,
    scale,
    show,
    text,
    upright_grid,
)


def error_bars(transforms: Sequence[dict[str, Any]]) -> Figure:
    """One group of bars per transformation, with intervals: controls, best learned map, exact action."""
    groups = [(transform, compared(transform)) for transform in transforms]
    top, ticks = scale(max((interval_of(method)[1] for _, bars in groups for _, method in bars), default=0))
    note = field_note(transforms)
    rows = [
        row(transform["label"], _bar_group(bars, top, ticks), note(transform)) for transform, bars in groups
    ]
    title = text("50%", 34, ERROR, "axis-title", anchor="middle")
    rows.append(row("", drawing(38, [*labels_below(top, ticks, 14), title])))
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
        mean, (low, high), y = method["hellinger"]["mean"], interval_of(method), 8 + 17 * k
        title = f"{method['name']}: {show(mean)} ({show(low)} to {show(high)})"
        parts += [
            rect("0", y, percent(mean, top), 11, colour, title),
            line(percent(low, top), y + 5.5, percent(high, top), y + 5.5, "interval"),
            text(percent(high, top), y + 9.5, show(mean), f"value {colour}", dx=6),
        ]
    return drawing(height, parts)
