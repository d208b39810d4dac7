"""What the template of a pose study is given: the figures of every section that the result has a part for."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report import figures
from equivfast.report.figures import Figure
from equivfast.report.figures.pose_tables import PICTURES
from equivfast.report.figures.poses import cells_words, form_of, near_words, networks
from equivfast.report.svg import slug

_TYPICAL = "typical"
# Whose pose, the class of its line, and the key of its error.
_LINES = (
    ("truth", "truth", ""),
    ("equivariant", "curve learned", "error_equivariant"),
    ("direct", "curve learned2", "error_direct"),
)


def of(result: dict[str, Any]) -> dict[str, Any]:
    """Everything the template needs beside the result itself."""
    tasks = [_task(place, task) for place, task in enumerate(result["tasks"])]
    leaks = [
        figure for place, task in enumerate(result["tasks"]) if (figure := figures.leak_table(place, task))
    ]
    timing, examples = result["timing"], any(task["scores"] for task in result["tasks"])
    parts = (
        ("error", "errors", True),
        ("curves", "how many are near", True),
        ("examples", "examples", examples),
        ("failures", "failures", examples),
        ("time", "time", bool(timing)),
        ("leak", "with nothing to find", bool(leaks)),
        ("findings", "findings", bool(result["findings"])),
        ("measured", "how it was measured", True),
        ("provenance", "provenance", True),
    )
    return {
        "contents": [(place, words) for place, words, shown in parts if shown],
        "span": result.get("interval", "the interval around each mean"),
        "tasks": tasks,
        "networks": [(layer["name"], cells_words(layer)) for task in tasks for layer in task["layers"]],
        "examples": examples,
        "lines": _LINES,
        "leaks": leaks,
        "time": figures.time_table(timing) if timing else None,
        "whole": Figure("result", "Everything measured", Markup(""), without_pictures(result)),
    }


def without_pictures(result: dict[str, Any]) -> dict[str, Any]:
    """The result's numbers and words, which the page offers as JSON."""
    tasks = [{**task, "scores": [_bare(example) for example in task["scores"]]} for task in result["tasks"]]
    return {**result, "tasks": tasks}


def _task(place: int, task: dict[str, Any]) -> dict[str, Any]:
    examples = [_example(place, k, task) for k in range(len(task["scores"]))]
    return {
        **task,
        "form": form_of(task),
        "within": near_words(task),
        "refined": any(row["grid"] is not None for row in task["rows"]),
        "table": figures.pose_table(place, task),
        "bars": figures.gap_bars(task),
        "curves": figures.cumulative_curves(task),
        "layers": networks(task),
        "kinds": {
            "typical": [example for example in examples if example["kind"] == _TYPICAL],
            "failure": [example for example in examples if example["kind"] != _TYPICAL],
        },
    }


def _example(place: int, k: int, task: dict[str, Any]) -> dict[str, Any]:
    example = task["scores"][k]
    data = {"task": task["name"], "unit": task["unit"], **_bare(example)}
    plot = figures.score_curves(example["curve"]) if example["curve"] else Markup("")
    return {
        **example,
        "path": f"tasks.{place}.scores.{k}",
        "figure": Figure(f"example-{slug(task['name'])}-{k}", "An example", plot, data),
    }


def _bare(example: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in example.items() if key not in PICTURES}
