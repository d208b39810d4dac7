"""Layers by transformations: how many channels are invariant, how large the invariant subspace is, how much a
transformation moves the features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import head, missing, number, table
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.network_marks import entries_of, known, measured
from equivfast.report.formats import share
from equivfast.report.svg import show

Result = dict[str, Any]
# What a cell says, how warm it is (0..1), and what it tells the pointer.
Shown = tuple[Markup, float, str]
Reader = Callable[[str, Any], Shown]


def invariant_table(result: Result) -> Figure | None:
    """Invariant channels as the paper counts them, number and per cent."""
    return _heat(result, "invariant", "Invariant channels", "channels", _channels)


def eigenspace_table(result: Result) -> Figure | None:
    """Dimension of the subspace that the map leaves as it is, which does not depend on the basis of channels."""
    return _heat(result, "eigenspace", "Invariant subspace", "dimensions", _dimensions)


def variance_table(result: Result) -> Figure | None:
    """Variance over transformations by the variance over images: 0 is invariant."""
    return _heat(
        result, "variance", "Variance ratio", "variance over transformations / over images", _variance
    )


def _heat(result: Result, part: str, title: str, unit: str, read: Reader) -> Figure | None:
    layers, transforms = measured(result, part)
    if not layers:
        return None
    entries, rows, data = entries_of(result), [], []
    for layer in layers:
        cells = [head(layer)]
        for transform in transforms:
            place, entry = entries.get((layer, transform["name"]), (0, {}))
            if entry.get(part) is None:
                cells.append(missing())
                continue
            words, warmth, about = read(f"entries.{place}.{part}", entry[part])
            cells.append(
                Markup('<td class="warm" style="--warmth:{}" title="{}">{}</td>').format(
                    f"{min(max(warmth, 0.0), 1.0):.3f}", f"{layer}, {transform['label']}: {about}", words
                )
            )
            data.append({"layer": layer, "transform": transform["name"], part: entry[part]})
        rows.append(("", cells))
    heads = ["layer", *(transform["label"] for transform in transforms)]
    return Figure(f"heat-{part}", title, table("heat", heads, rows), {"unit": unit, "cells": data})


def _channels(path: str, found: dict[str, Any]) -> Shown:
    part = found["count"] / max(found["channels"], 1)
    accuracy = (
        "" if found["accuracy"] is None else f", top-1 {share(_mean(found['accuracy']))} with them left alone"
    )
    about = f"{found['count']} of {found['channels']} channels{accuracy}"
    return _counted(f"{path}.count", found["count"], part), part, about


def _dimensions(path: str, found: dict[str, Any]) -> Shown:
    part = found["dimension"] / max(found["channels"], 1)
    about = f"{found['dimension']} of {found['channels']} dimensions, within {show(known(found['threshold']))} of 1"
    return _counted(f"{path}.dimension", found["dimension"], part), part, about


def _variance(path: str, found: float) -> Shown:
    value = known(found)
    return number(path, found), 0.0 if value is None else 1 - value, show(value)


def _counted(path: str, count: int, part: float) -> Markup:
    # A count, not a measured number: without digits behind the point, hence without the attributes of one.
    return Markup("{} <small>{:.0f} %</small>").format(count, 100 * part)


def _mean(accuracy: Any) -> float | None:
    return known(accuracy["mean"] if isinstance(accuracy, dict) else accuracy)
