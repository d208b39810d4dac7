"""What the figures of a pose study share: the look of each learner, the words of an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from equivfast.report.figures.cells import FORMATS

Task = dict[str, Any]

# A learner has one line on the whole page.
COLOURS = {"no pose": "control0", "direct": "learned2", "equivariant": "learned"}
NOTES = {
    "no pose": "the pose that is best for an image not looked at",
    "direct": "the image is warped for each pose",
    "equivariant": "its features are transformed for each pose",
}


def colours(names: Iterable[str]) -> dict[str, str]:
    """The class of each learner's line; one that is not known takes what is left."""
    found, left = {}, ["learned3", "learned4", "step3", "step5", "step0", "control1"]
    for name in names:
        found[name] = COLOURS.get(name) or (left.pop(0) if left else "control1")
    return found


def networks(task: Task) -> list[dict[str, Any]]:
    """The layers of networks besides HOG."""
    found: list[dict[str, Any]] = task.get("networks", [])
    return found


def cells_words(network: dict[str, Any]) -> str:
    """How a layer was looked at.

    >>> cells_words({"channels": 48, "cells": 13, "window": 52, "pooled": 2})
    '13 × 13 cells, each the mean of 2 × 2, of 48 channels; windows of 52 pixels'
    """
    side, pooled = network["cells"], network["pooled"]
    mean = "" if pooled == 1 else f", each the mean of {pooled} × {pooled},"
    return f"{side} × {side} cells{mean} of {network['channels']} channels; windows of {network['window']} pixels"


def form_of(task: Task) -> str:
    """The format of the task's errors (see cells.FORMATS)."""
    return "degrees" if task["unit"] == "degrees" else ""


def error_words(task: Task) -> Callable[[Any], str]:
    return FORMATS[form_of(task)]


def near_words(task: Task) -> str:
    """The limit of "within", with its unit.

    >>> near_words({"near": 15.0, "unit": "degrees"}), near_words({"near": 0.1, "unit": "head widths"})
    ('15°', '0.1 head widths')
    """
    return f"{task['near']:g}°" if task["unit"] == "degrees" else f"{task['near']:g} {task['unit']}"
