"""What the residual of every layer is made of, and how training of a map went."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import number
from equivfast.report.figures.figure import Figure, row
from equivfast.report.figures.network_marks import (
    TRAINED,
    entries_of,
    known,
    legend,
    measured,
    multiples,
)
from equivfast.report.svg import (
    dot,
    drawing,
    labels_below,
    line,
    path,
    percent,
    plane,
    rect,
    scale,
    show,
    text,
    upright_grid,
)

PARTS = (
    ("border", "border", "control1"),
    ("interpolation", "interpolation", "learned3"),
    ("phase", "stride phase", "learned4"),
    ("real", "real non-equivariance", "learned"),
)
_ROW = 22
_PLOT = 64

Result = dict[str, Any]


def budget_bars(result: Result) -> Figure | None:
    """A bar for each layer, in four parts, a panel for each transformation; None where nothing was split."""
    layers, transforms = measured(result, "budget")
    if not layers:
        return None
    entries = entries_of(result)
    here = {
        t["name"]: {
            layer: entries[layer, t["name"]][1]["budget"]
            for layer in layers
            if (layer, t["name"]) in entries and entries[layer, t["name"]][1]["budget"] is not None
        }
        for t in transforms
    }
    totals = [known(budget["total"]["mean"]) or 0.0 for found in here.values() for budget in found.values()]
    top, ticks = scale(max(totals))
    panels = []
    for transform in transforms:
        rows = [
            row(layer, _stacked(layer, budget, top, ticks))
            for layer, budget in here[transform["name"]].items()
        ]
        rows.append(row("", drawing(18, labels_below(top, ticks[:: -(-len(ticks) // 5)], 14))))
        panels.append(
            (transform["label"], Markup('<div class="bars budget">{}</div>').format(Markup("").join(rows)))
        )
    body = legend((look, words) for _, words, look in PARTS) + multiples("charts", panels)
    return Figure("budgets", "Parts of the residual", body, {"unit": "relative residual", "transforms": here})


def _stacked(layer: str, budget: dict[str, Any], top: float, ticks: list[float]) -> Markup:
    parts, start = upright_grid(top, ticks, _ROW), 0.0
    for key, words, look in PARTS:
        value = known(budget[key]["mean"])
        if value:
            span = f"{show(known(budget[key].get('low')))} to {show(known(budget[key].get('high')))}"
            title = f"{layer}, {words}: {show(value)} ({span})"
            parts.append(rect(percent(start, top), 4, percent(value, top), _ROW - 8, f"{look} stick", title))
            start += value
    total = known(budget["total"]["mean"])
    parts.append(text(percent(start, top), _ROW - 7, show(total), "value", dx=6))
    return drawing(_ROW, parts)


def histories(result: Result) -> Figure | None:
    """What was selected on, epoch by epoch, a panel for each trained map; None where none was trained."""
    layers, transforms = measured(result, "trained")
    if not layers:
        return None
    entries, panels, data = entries_of(result), [], []
    for layer in layers:
        for transform in transforms:
            place, entry = entries.get((layer, transform["name"]), (0, {"trained": None}))
            trained = entry["trained"]
            if trained is None:
                continue
            name = Markup("{} <small>{}</small>").format(layer, transform["label"])
            panels.append((name, _history(f"entries.{place}.trained", trained)))
            data.append({"layer": layer, "transform": transform["name"], **trained})
    body = legend([(f"curve {TRAINED}", "held out"), ("points mark", "the epoch that is kept")])
    return Figure("histories", "Training, epoch by epoch", body + multiples("small", panels), data)


def _history(at: str, trained: dict[str, Any]) -> Markup:
    epochs = [float(epoch) for epoch in trained["history"]["epoch"]]
    values = [known(value) for value in trained["history"]["held_out"]]
    there = [(x, y) for x, y in zip(epochs, values, strict=True) if y is not None]
    parts = [line("0", _PLOT, "100%", _PLOT, "join")]
    if there:
        low, high = min(y for _, y in there), max(y for _, y in there)
        first, last = min(epochs), max(epochs)

        def at_epoch(x: float) -> float:
            return round(100 * (x - first) / ((last - first) or 1.0), 3)

        def up(y: float) -> float:
            return round(4 + (_PLOT - 12) * ((high - y) / (high - low) if high > low else 0.5), 2)

        parts.append(plane(_PLOT, [path([(at_epoch(x), up(y)) for x, y in there], f"curve {TRAINED}")]))
        parts += [
            dot(f"{at_epoch(x):.3f}%", up(y), 4, "mark", f"epoch {x:g}: {show(y)}")
            for x, y in there
            if x == trained["best_epoch"]
        ]
    after = Markup("{} → <b>{}</b> <small>epoch {} of {}</small>").format(
        number(f"{at}.before.mean", trained["before"]["mean"], "share"),
        number(f"{at}.after.mean", trained["after"]["mean"], "share"),
        trained["best_epoch"],
        trained["epochs"],
    )
    return Markup('<div class="history">{}</div><p class="then">{}</p>').format(
        drawing(_PLOT + 2, parts), after
    )
