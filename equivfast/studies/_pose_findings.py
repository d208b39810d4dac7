"""From the tables of a pose study to sentences; every sentence repeats figures of the result and nothing else."""

from __future__ import annotations

from typing import Any

from equivfast.report import show


def of(result: dict[str, Any]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]} of the study's result."""
    tasks, timing = result["tasks"], result["timing"]
    headline = [_headline(task) for task in tasks]
    sentences = []
    for task in tasks:
        sentences += [_errors(task, "", _own(task)), _gap(task, "", task["gap"])]
        for layer in task["networks"]:
            rows = [_row(task, name) for name in layer["rows"].values()]
            sentences += [_errors(task, _how(layer), rows), _gap(task, f", {layer['name']}", layer["gap"])]
        sentences += _leak(task)
    if timing:
        headline.append(_ratio(timing))
        sentences.append(_time(timing))
    return {"headline": headline, "findings": sentences}


def _amount(task: dict[str, Any], value: float) -> str:
    return f"{value:.1f}°" if task["unit"] == "degrees" else f"{value:.3f} {task['unit']}"


def _near(task: dict[str, Any]) -> str:
    return f"{task['near']:g}°" if task["unit"] == "degrees" else f"{task['near']:g} {task['unit']}"


def _row(task: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in task["rows"] if row["name"] == name)
    return found


def _own(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of HOG and of the control."""
    others = {name for layer in task["networks"] for name in layer["rows"].values()}
    return [row for row in task["rows"] if row["name"] not in others]


def _how(layer: dict[str, Any]) -> str:
    pooled = "" if layer["pooled"] == 1 else f" (means of {layer['pooled']} x {layer['pooled']})"
    return (
        f", {layer['cells']} x {layer['cells']} cells{pooled} of {layer['channels']} channels in windows of "
        f"{layer['window']} pixels"
    )


def _headline(task: dict[str, Any]) -> dict[str, str]:
    ours, theirs = _row(task, "equivariant"), _row(task, "direct")
    return {
        "value": _amount(task, ours["median"]["mean"]),
        "text": f"{task['name']}: median error of the equivariant learner, {_amount(task, theirs['median']['mean'])} "
        f"where the image is warped for each pose",
    }


def _errors(task: dict[str, Any], how: str, rows: list[dict[str, Any]]) -> str:
    parts = []
    for row in rows:
        parts.append(
            f"{row['name']} {_amount(task, row['mean']['mean'])} (median {_amount(task, row['median']['mean'])}, "
            f"{100 * row['within']['mean']:.1f} % within {_near(task)})"
        )
    return f"{task['name'].capitalize()}, {task['label']}{how}: mean error " + ", ".join(parts) + "."


def _gap(task: dict[str, Any], where: str, gaps: dict[str, Any]) -> str:
    gap = gaps["mean"]
    low, high = _amount(task, gap["low"]), _amount(task, gap["high"])
    verdict = (
        "worse" if gap["low"] > 0 else "better" if gap["high"] < 0 else "neither clearly worse nor better"
    )
    return (
        f"{task['name'].capitalize()}{where}: the equivariant learner is {verdict} than the direct one, mean "
        f"difference {_amount(task, gap['mean'])} [{low}, {high}]."
    )


def _leak(task: dict[str, Any]) -> list[str]:
    leak = task["leak"]
    if not leak:
        return []
    return [
        f"Leak control: with content turned at random beforehand the mean error is {leak['mean']:.1f}° (chance "
        f"{leak['chance_mean']:.0f}°), with {100 * leak['within']:.1f} % within {_near(task)} (chance "
        f"{100 * leak['chance_within']:.1f} %) and {100 * leak['within_quarter']:.1f} % modulo 90° (chance "
        f"{400 * leak['chance_within']:.1f} %)."
    ]


def _ratio(timing: dict[str, Any]) -> dict[str, str]:
    """Against the fastest of the others."""
    other = min(timing["rows"][1:], key=lambda row: float(row["ratio"]))
    text = f"less time for each of {timing['poses']} poses, from pixels, than {other['name']}"
    return {"value": f"{other['ratio']:.0f}×", "text": text}


def _time(timing: dict[str, Any]) -> str:
    times = ", ".join(f"{row['name']} {show(row['microseconds'])} µs" for row in timing["rows"])
    return f"Time for each of {timing['poses']} poses and each image, from pixels, on one thread: {times}."
