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
    layers = {layer["name"]: layer["gap"] for layer in networks(task)}
    drawn = [(name, "", gap[name]) for name in ("mean", "median")]
    drawn += [("mean", name, found["mean"]) for name, found in layers.items()]
    spans = [(name, layer, (part["low"], part["mean"], part["high"])) for name, layer, part in drawn]
    top = scale(max(abs(end) for *_, span in spans for end in span))[0]

    def at(value: float) -> str:
        return percent(value, top, -top)

    rows = []
    for name, layer, (low, middle, high) in spans:
        if layer:  # too long for the column beside the drawing
            rows.append(Markup('<p class="ways"><span>{}</span></p>').format(layer))
        title = f"{layer or name}: {words(middle)} ({words(low)} to {words(high)})"
        parts = [line(at(tick), 0, at(tick), _HEIGHT, "grid") for tick in (-top, top)]
        parts += [
            line(at(0), 0, at(0), _HEIGHT, "zero"),
            line(at(low), _HEIGHT / 2, at(high), _HEIGHT / 2, "span"),
            dot(at(middle), _HEIGHT / 2, 5, "learned", title),
        ]
        rows.append(row(name, drawing(_HEIGHT, parts)))
    unit = "°" if task["unit"] == "degrees" else ""
    marks = ((-top, f"−{top:g}{unit}"), (0.0, f"0{unit}"), (top, f"{top:g}{unit}"))
    ends = [text(at(tick), 14, shown, "tick", anchor="middle") for tick, shown in marks]
    rows.append(row("", drawing(20, ends)))
    body = Markup('<div class="bars dots gap">{}</div>{}').format(Markup("").join(rows), _WAYS)
    data = {"unit": task["unit"], "difference": "equivariant - direct, on the same heads", **gap}
    data |= {"networks": layers} if layers else {}
    return Figure(f"gap-{slug(task['name'])}", "Equivariant minus direct", body, data)
