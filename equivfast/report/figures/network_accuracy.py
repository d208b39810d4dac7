"""How often a network is right: the table at the head of the page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import barred, head, missing, table
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.network_marks import entries_of, known, span_of
from equivfast.report.formats import share

Result = dict[str, Any]
Entry = dict[str, Any]


def best_of(entry: Entry) -> tuple[int, Entry] | None:
    """The best closed form of an entry and its place; None where there is none."""
    return next(((k, m) for k, m in enumerate(entry["methods"]) if m["name"] == entry["best"]), None)


def recovered(place: int, entry: Entry) -> tuple[str, dict[str, Any]] | None:
    """Where the accuracy that a map brings back stands, and what it is: after training where there was some, else
    that of the best closed form. No method is chosen by accuracy on the test images."""
    if entry["trained"] is not None:
        return f"entries.{place}.trained.after", entry["trained"]["after"]
    found = best_of(entry)
    if found is None or found[1]["top1"] is None:
        return None
    return f"entries.{place}.methods.{found[0]}.top1", found[1]["top1"]


def complete(result: Result) -> list[str]:
    """The layers through which everything flows: only there can a map bring the accuracy back."""
    return [layer["name"] for layer in result["layers"] if layer["complete"]]


def accuracy_table(result: Result) -> Figure:
    """Top-1 accuracy of the original, without a map, and with a map after each complete layer."""
    transforms, entries = result["transforms"], entries_of(result)
    original = result["original"]["top1"]
    rows = [
        (
            "exact",
            [
                head(Markup("original <small>no transformation</small>")),
                *[_bar("original.top1", original, "exact")] * len(transforms),
            ],
        ),
        (
            "control",
            [
                head(Markup("no map <small>transformed images</small>")),
                *(
                    _bar(f"transforms.{k}.none.top1", t["none"]["top1"], "control")
                    for k, t in enumerate(transforms)
                ),
            ],
        ),
    ]
    places = {
        (layer, t["name"]): recovered(*entries[layer, t["name"]])
        for layer in complete(result)
        for t in transforms
        if (layer, t["name"]) in entries
    }
    layers = [layer for layer in complete(result) if any(places.get((layer, t["name"])) for t in transforms)]
    highest = {
        t["name"]: max((_mean(places.get((layer, t["name"]))) for layer in layers), default=0)
        for t in transforms
    }
    for k, layer in enumerate(layers):
        cells = [head(layer)]
        for t in transforms:
            found = places.get((layer, t["name"]))
            kind = "learned best" if found and _mean(found) == highest[t["name"]] else "learned"
            cells.append(_bar(*found, kind) if found else missing())
        rows.append(("" if k else "begins", cells))
    data = {
        "unit": "top-1 accuracy, test images",
        "original": original,
        "transforms": {t["name"]: t["none"]["top1"] for t in transforms},
        "recovered": [
            {"layer": layer, "transform": name, **found[1]}
            for (layer, name), found in places.items()
            if found
        ],
    }
    heads = ["map after", *(t["label"] for t in transforms)]
    return Figure("recovered", "Accuracy with a map", table("errors recovered", heads, rows), data)


def _mean(found: tuple[str, dict[str, Any]] | None) -> float:
    return (known(found[1]["mean"]) or 0.0) if found else 0.0


def _bar(path: str, accuracy: dict[str, Any], kind: str) -> Markup:
    span = span_of(accuracy)
    title = "" if span is None else f"{share(span[0])} to {share(span[2])}"
    return barred(f"{path}.mean", accuracy["mean"], 1.0, kind, title=title, form="share")
