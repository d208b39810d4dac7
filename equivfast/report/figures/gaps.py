"""The paired difference of two learners, drawn on both sides of zero."""

from __future__ import annotations

from markupsafe import Markup

from equivfast.report.figures.figure import Figure, row
from equivfast.report.figures.poses import Task, error_words, networks
from equivfast.report.svg import dot, drawing, line, percent, scale, slug, text

_HEIGHT = 30
_WAYS = Markup('<p class="ways"><span>← equivariant better</span><span>direct better →</span></p>')


def gap_bars(task: Task) -> Figure | None:
    """Equivariant minus direct, mean and median with their intervals; None where one of them is absent."""
    if task["gap"] is None:
        return None
    words, gap = error_words(task), task["gap"]
    gaps = [("", gap), *((layer["name"], layer["gap"]) for layer in networks(task))]
    spans = [
        (name, note, tuple(found[name][end] for end in ("low", "mean", "high")))
        for note, found in gaps
        for name in ("mean", "median")
    ]
    top = scale(max(abs(end) for *_, span in spans for end in span))[0]

    def at(value: float) -> str:
        return percent(value, top, -top)

    rows = []
    for name, note, (low, middle, high) in spans:
        title = f"{name}: {words(middle)} ({words(low)} to {words(high)})"
        parts = [line(at(tick), 0, at(tick), _HEIGHT, "grid") for tick in (-top, top)]
        parts += [
            line(at(0), 0, at(0), _HEIGHT, "zero"),
            line(at(low), _HEIGHT / 2, at(high), _HEIGHT / 2, "span"),
            dot(at(middle), _HEIGHT / 2, 5, "learned", title),
        ]
        rows.append(row(name, drawing(_HEIGHT, parts), note))
    unit = "°" if task["unit"] == "degrees" else ""
    marks = ((-top, f"−{top:g}{unit}"), (0.0, f"0{unit}"), (top, f"{top:g}{unit}"))
    ends = [text(at(tick), 14, shown, "tick", anchor="middle") for tick, shown in marks]
    rows.append(row("", drawing(20, ends)))
    body = Markup('<div class="bars dots gap">{}</div>{}').format(Markup("").join(rows), _WAYS)
    data = {"unit": task["unit"], "difference": "equivariant - direct, on the same heads", **gap}
    data |= {"networks": dict(gaps[1:])} if len(gaps) > 1 else {}
    return Figure(f"gap-{slug(task['name'])}", "Equivariant minus direct", body, data)
