"""The error on every photograph: a row of dots each, or a histogram where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.figure import ERROR, Figure, Series, compared, row
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

MOST_ROWS = 14
MOST_TICKS = 5  # the drawing is narrow


def photo_errors(transform: dict[str, Any]) -> Figure:
    """The mean error on each held-out photograph: a row of dots each, or a histogram where there are many."""
    series = [(c, method) for c, method in compared(transform) if c != "exact" and method.get("per_photo")]
    errors = {method["name"]: method["per_photo"] for _, method in series}
    photos = list(dict.fromkeys(photo for values in errors.values() for photo in values))
    top, ticks = scale(max((value for values in errors.values() for value in values.values()), default=0))
    ticks = ticks[:: -(-len(ticks) // MOST_TICKS)]
    draw = _rows if len(photos) <= MOST_ROWS else _histogram
    body = draw(series, photos, top, ticks) if photos else Markup("")
    data = {"unit": ERROR, "transform": transform["name"], "per_photo": errors}
    legend = tuple((colour, method["name"]) for colour, method in series)
    marks = "points" if draw is _rows else "areas"
    return Figure(f"photos-{slug(transform['name'])}", "Error on each photograph", body, data, legend, marks)


def _rows(series: Series, photos: Sequence[str], top: float, ticks: Sequence[float]) -> Markup:
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
        rows.append(row(photo, drawing(24, parts)))
    rows.append(row("", drawing(18, labels_below(top, ticks, 14))))
    return Markup('<div class="bars dots">{}</div>').format(Markup("").join(rows))


def _histogram(series: Series, photos: Sequence[str], top: float, ticks: Sequence[float]) -> Markup:
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
