"""The error with a map after each layer, before and after training: bars, and levels to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.figure import Figure
from equivfast.report.figures.frame import Frame
from equivfast.report.figures.network_accuracy import Entry, Result, best_of, complete
from equivfast.report.figures.network_marks import (
    CLOSED,
    TRAINED,
    WIDE,
    LayerAxis,
    entries_of,
    legend,
    multiples,
    order,
    span_of,
)
from equivfast.report.svg import line, rect, scale, slug

HEIGHT = 220
RANKS = (("top1", "top-1"), ("top5", "top-5"))
_STICK = 0.3  # of a layer's column, for a bar
_WORDS = {"before": "before training (closed form)", "after": "after training"}
_LOOKS = {"before": CLOSED, "after": TRAINED}


def repairs(entry: Entry) -> dict[str, dict[str, Any]]:
    """top1 and top5 "before" and "after" training, as far as they are there."""
    found, best = {}, best_of(entry)
    if best is not None:
        found["before"] = {rank: best[1][rank] for rank, _ in RANKS}
    if entry["trained"] is not None:
        for stage, control in (("before", "closed"), ("after", "trained")):
            top1 = entry["trained"][stage]
            same = [m for m in entry["methods"] if m["role"] == control and _alike(m["top1"], top1)]
            found[stage] = {"top1": top1, "top5": same[0]["top5"] if same else None}
    return {stage: found[stage] for stage in _WORDS if stage in found and found[stage]["top1"] is not None}


def error_charts(result: Result) -> list[Figure]:
    """For each transformation, the error with a map after each complete layer, before and after training."""
    drawn = []
    for transform in result["transforms"]:
        figure = _error_chart(result, transform)
        drawn += [] if figure is None else [figure]
    return drawn


def _error_chart(result: Result, transform: dict[str, Any]) -> Figure | None:
    entries, layers = entries_of(result), complete(result)
    stages = {
        layer: repairs(entries[layer, transform["name"]][1])
        for layer in order(result)
        if layer in layers and (layer, transform["name"]) in entries
    }
    stages = {layer: found for layer, found in stages.items() if found}
    if not stages:
        return None
    panels, data, seen = (
        [],
        {},
        [stage for stage in _WORDS if any(stage in found for found in stages.values())],
    )
    for rank, words in RANKS:
        ends = {"original": result["original"][rank], "none": transform["none"][rank]}
        bars = {
            layer: {s: found[s][rank] for s in found if found[s][rank]} for layer, found in stages.items()
        }
        if ends["original"] is None or not any(bars.values()):
            continue
        panels.append(("", _panel(f"{words} error, %", bars, ends, seen)))
        data[rank] = {**ends, "layers": bars}
    items = [(_LOOKS[stage], _WORDS[stage]) for stage in seen]
    body = multiples("pairs" if len(panels) > 1 else "one", panels)
    lines = [("level", "original, no transformation"), ("guess", "original network, transformed images")]
    return Figure(
        f"repair-{slug(transform['name'])}",
        transform["label"],
        legend([*items, *lines]) + body,
        {"transform": transform["name"], "unit": "accuracy; the error drawn is 1 - accuracy", **data},
    )


def _panel(
    title: str, bars: dict[str, dict[str, Any]], ends: dict[str, Any], stages: Sequence[str]
) -> Markup:
    axis = LayerAxis(tuple(bars))
    spans = [span for found in bars.values() for one in found.values() if (span := _error(one))]
    levels = [
        (kind, _error(ends[key])) for kind, key in (("level", "original"), ("guess", "none")) if ends[key]
    ]
    tallest = max([high for _, _, high in spans] + [span[1] for _, span in levels if span], default=0)
    top, ticks = scale(min(tallest, 100.0))
    frame = Frame(0.0, top, ticks, title, "{:.1f} %".format, "{:g}".format, height=HEIGHT)
    parts, wide = [*frame.upright()], 100 * _STICK / max(len(bars), 1)
    for k, (layer, found) in enumerate(bars.items()):
        for stage, one in found.items():
            span = _error(one)
            if span is None:
                continue
            low, mean, high = span
            left = axis.place(k) + wide * (stages.index(stage) - len(stages) / 2)
            title_ = f"{layer}, {_WORDS[stage]}: {mean:.1f} % ({low:.1f} to {high:.1f})"
            parts.append(
                rect(
                    f"{left:.3f}%",
                    frame.y(mean),
                    f"{wide:.3f}%",
                    frame.y(0) - frame.y(mean),
                    f"{_LOOKS[stage]} stick",
                    title_,
                )
            )
            middle = f"{left + wide / 2:.3f}%"
            parts.append(line(middle, frame.y(low), middle, frame.y(min(high, top)), "interval"))
    parts += [line("0", frame.y(span[1]), "100%", frame.y(span[1]), kind) for kind, span in levels if span]
    return axis.chart(HEIGHT, parts, WIDE)


def _error(accuracy: dict[str, Any]) -> tuple[float, float, float] | None:
    """An accuracy as an error in per cent, with its ends."""
    span = span_of(accuracy)
    return None if span is None else (100 * (1 - span[2]), 100 * (1 - span[1]), 100 * (1 - span[0]))


def _alike(one: dict[str, Any] | None, other: dict[str, Any]) -> bool:
    return one is not None and one["mean"] == other["mean"]
