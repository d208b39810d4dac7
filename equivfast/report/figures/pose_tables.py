"""The tables of a pose study: the errors of each learner, the leak control, the time per pose."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.figures.cells import barred, cell, estimate, head, missing, table
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.poses import NOTES, Task, form_of, near_words, networks
from equivfast.report.formats import share
from equivfast.report.svg import slug

MEASURES = ("mean", "median", "within")
PICTURES = ("image", "undone")  # of an example


def pose_table(place: int, task: Task) -> Figure:
    """Errors of the task at `place` of the result: each learner, the same on the searched poses alone, the gap."""
    form, rows = form_of(task), []
    layers = {name: layer for layer in networks(task) for name in layer["rows"].values()}
    for k, row in enumerate(task["rows"]):
        if row["name"] not in layers:
            rows += _learner(place, k, task, NOTES.get(row["name"], ""))
    if task["gap"] is not None:
        rows.append(
            _difference(f"tasks.{place}.gap", task["gap"], form, "on the same heads; below 0 is better")
        )
    names = [row["name"] for row in task["rows"]]
    for k, layer in enumerate(networks(task)):
        for number, learner in enumerate(("direct", "equivariant")):
            note = (
                "" if number else f"{layer['channels']} channels, {layer['cells']} × {layer['cells']} cells"
            )
            rows += _learner(place, names.index(layer["rows"][learner]), task, note)
        rows.append(_difference(f"tasks.{place}.networks.{k}.gap", layer["gap"], form, layer["name"]))
    heads = ["learner", "mean error", "median error", f"within {near_words(task)}"]
    unit = Markup("") if form else Markup(" <small>{}</small>").format(task["unit"])
    heads[1:3] = [Markup("{}{}").format(words, unit) for words in heads[1:3]]
    data = {key: task[key] for key in ("name", "label", "unit", "near", "poses", "rows", "gap")}
    data |= {"networks": networks(task)} if networks(task) else {}
    return Figure(f"errors-{slug(task['name'])}", task["label"], table("plain learners", heads, rows), data)


def _learner(place: int, k: int, task: Task, note: str) -> list[tuple[str, list[Markup]]]:
    """Row k of the task: its errors, and those of the searched poses alone."""
    row, path = task["rows"][k], f"tasks.{place}.rows.{k}"
    forms = (form_of(task), form_of(task), "share")
    cells = [estimate(f"{path}.{m}", row[m], f) for m, f in zip(MEASURES, forms, strict=True)]
    kind = "control" if row["name"] == "no pose" else "learned"
    rows = [(f"{kind} begins" if k else kind, [_named(row["name"], note), *cells])]
    if row["grid"] is not None:
        cells = [cell(f"{path}.grid.{m}", row["grid"][m], f) for m, f in zip(MEASURES, forms, strict=True)]
        rows.append(("grid", [head(Markup("<small>without sub-step refinement</small>")), *cells]))
    return rows


def _difference(path: str, gap: dict[str, Any], form: str, note: str) -> tuple[str, list[Markup]]:
    gaps = [estimate(f"{path}.{m}", gap[m], form) for m in MEASURES[:2]]
    return "begins", [_named("equivariant − direct", note), *gaps, missing()]


def leak_table(place: int, task: Task) -> Figure | None:
    """What the learner still finds where there is nothing to find, beside chance; None where it was not measured."""
    leak = task["leak"]
    if leak is None:
        return None
    form, path, near = form_of(task), f"tasks.{place}.leak", near_words(task)
    k, own = next(((k, row) for k, row in enumerate(task["rows"]) if row["name"] == "equivariant"), (0, None))
    rows = [
        (
            "learned",
            [
                head("mean error"),
                cell(f"{path}.mean", leak["mean"], form),
                cell(f"{path}.chance_mean", leak["chance_mean"], form),
                cell(f"tasks.{place}.rows.{k}.mean.mean", own["mean"]["mean"], form) if own else missing(),
            ],
        ),
        (
            "learned",
            [
                head(f"within {near}"),
                cell(f"{path}.within", leak["within"], "share"),
                cell(f"{path}.chance_within", leak["chance_within"], "share"),
                cell(f"tasks.{place}.rows.{k}.within.mean", own["within"]["mean"], "share")
                if own
                else missing(),
            ],
        ),
        (
            "learned",
            [
                _named(
                    f"within {near} of a multiple of 90°", "what square pixels or corners would give away"
                ),
                cell(f"{path}.within_quarter", leak["within_quarter"], "share"),
                # Four arcs instead of one.
                Markup("<td>{}</td>").format(share(4 * leak["chance_within"])),
                missing(),
            ],
        ),
    ]
    heads = ["equivariant", "turned beforehand", "chance", "as they are"]
    return Figure(
        f"leak-{slug(task['name'])}",
        "With nothing to find",
        table("plain leak", heads, rows),
        {"unit": task["unit"], "near": task["near"], **leak},
    )


def time_table(timing: dict[str, Any]) -> Figure:
    """Microseconds for a pose and an image, and how many times that of the first row it is."""
    largest = max((finite(row["microseconds"]) or 0.0 for row in timing["rows"]), default=0.0)
    rows = []
    for k, row in enumerate(timing["rows"]):
        path, kind = f"timing.rows.{k}", "control" if k else "learned best"
        bar = barred(f"{path}.microseconds", row["microseconds"], largest, kind, form="microseconds")
        rows.append(("", [head(row["name"]), bar, cell(f"{path}.ratio", row["ratio"], "times")]))
    heads = ["way", "for one pose and one image", "times as long"]
    return Figure(
        "time-per-pose",
        "Time for each pose",
        table("errors paces", heads, rows),
        {"unit": "microseconds", **timing},
    )


def _named(name: str, note: str) -> Markup:
    return head(Markup('{} <small class="minor">{}</small>').format(name, note))
