"""Self-contained HTML page of a pose study: no style sheet, no script, no picture and no letter from anywhere else.

`write_pose_page` takes the result of a pose study, a plain dict as JSON holds it. An interval is {mean, low, high}.

    title, created (ISO time)
    representation  name, variant, cell, orientations, assignment, channels
    heads           name ("faces"), images (count), window (pixels), train, test (heads of each split), splits (count)
    tasks           list of
        name, label             "rotation", "turned by any angle"
        unit                    of every error of the task: "degrees", or words ("head widths")
        near                    "within" is the share of errors that are at most this
        poses                   how many are searched
        rows                    list of name ("no pose", "direct", "equivariant"), mean, median, within (intervals), and
                                grid: {mean, median, within} of the searched poses alone, without sub-step refinement,
                                or None
        gap                     equivariant - direct, paired: {mean, median}, intervals; or None
        networks                may be absent: list of name, channels, cells (a side), window (pixels), pooled (cells a
                                side that were averaged), rows {direct, equivariant: name of its row}, gap
        leak                    None, or {mean, within, chance_mean, chance_within, within_quarter}: errors where the
                                content was turned at random beforehand; within_quarter counts modulo 90 degrees
        cumulative              {limits: [...], series: {row name: [share of errors <= limit]}}
        scores                  list of examples, which may be empty:
            kind                "typical" or "failure"
            image, undone       the window as the learner sees it, and with the found (equivariant) pose undone: PNG
                                as data: addresses (see glyphs.png_uri)
            truth, direct, equivariant          poses in words
            error_direct, error_equivariant     in the task's unit
            curve               None, or {degrees, direct, equivariant: [...], truth, found: angles}
    timing          None, or poses, images, rows [{name, microseconds, ratio}]: for one pose and one image, pixels to
                    score; ratio is the time by that of the first row
    headline        list of value, text (a sentence)
    findings        list of sentences
    interval        may be absent: what low and high are, in words
    provenance      as in page.py, where images are those that the maps were learned from
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equivfast.report import pose_sections
from equivfast.report.atomic import write_text
from equivfast.report.figures.pose_tables import MEASURES, PICTURES
from equivfast.report.render import check_keys, check_picture, environment

_NAME = "write_pose_page"
_KEYS = (
    *("title", "created", "representation", "heads", "tasks", "timing", "headline", "findings"),
    "provenance",
)
_TASK = ("name", "label", "unit", "near", "poses", "rows", "gap", "leak", "cumulative", "scores")
_NETWORK = ("name", "channels", "cells", "window", "pooled", "rows", "gap")
_EXAMPLE = ("kind", *PICTURES, "truth", "direct", "equivariant", "error_direct", "error_equivariant", "curve")
_CURVE = ("degrees", "direct", "equivariant", "truth", "found")


def write_pose_page(path: str | os.PathLike[str], result: dict[str, Any]) -> Path:
    """The page of a pose study (the shape of `result` stands in this module's docstring).

    Raises     ValueError for a result without one of its parts, curves whose lists differ in length, a picture that
               is no PNG data: address, or a path that cannot be written
    """
    _check(result)
    context = pose_sections.of(result)
    html = environment().get_template("pose.html.j2").render(result=result, **context)
    return write_text(path, html)


def _check(result: dict[str, Any]) -> None:
    check_keys(_NAME, "result", result, _KEYS)
    if not result["tasks"]:
        raise ValueError(f"{_NAME}: result must have at least one task, got none")
    for k, task in enumerate(result["tasks"]):
        check_keys(_NAME, f"task {k}", task, _TASK)
        _check_task(f"task {task['name']}", task)
    if result["timing"] is not None:
        check_keys(_NAME, "timing", result["timing"], ("poses", "images", "rows"))
        for row in result["timing"]["rows"]:
            check_keys(_NAME, "a row of timing", row, ("name", "microseconds", "ratio"))


def _check_task(part: str, task: dict[str, Any]) -> None:
    for row in task["rows"]:
        check_keys(_NAME, f"a row of {part}", row, ("name", *MEASURES, "grid"))
        for measure in MEASURES:
            check_keys(_NAME, f"{measure} of {part}", row[measure], ("mean", "low", "high"))
    names = [row["name"] for row in task["rows"]]
    for network in task.get("networks", ()):
        check_keys(_NAME, f"a network of {part}", network, _NETWORK)
        check_keys(_NAME, f"rows of a network of {part}", network["rows"], ("direct", "equivariant"))
        missing = [name for name in network["rows"].values() if name not in names]
        if missing:
            raise ValueError(f"{_NAME}: {part} must have the rows of its networks, lacks {missing[0]}")
    check_keys(_NAME, f"cumulative of {part}", task["cumulative"], ("limits", "series"))
    series = task["cumulative"]["series"].values()
    _check_lengths(f"cumulative of {part}", [task["cumulative"]["limits"], *series])
    for example in task["scores"]:
        check_keys(_NAME, f"an example of {part}", example, _EXAMPLE)
        for picture in PICTURES:
            check_picture(_NAME, example[picture])
        if example["curve"] is not None:
            check_keys(_NAME, f"a curve of {part}", example["curve"], _CURVE)
            _check_lengths(f"a curve of {part}", [example["curve"][key] for key in _CURVE[:3]])


def _check_lengths(part: str, lists: Sequence[Sequence[float]]) -> None:
    lengths = [len(values) for values in lists]
    if len(set(lengths)) > 1 or 0 in lengths:
        raise ValueError(f"{_NAME}: {part} must be lists of one length, at least 1, got {lengths}")
