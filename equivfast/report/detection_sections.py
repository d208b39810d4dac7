"""What the template of a detection study is given: the figures of every section that the result has a part for."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report import figures
from equivfast.report.figures import Figure
from equivfast.report.figures.finds import endings

KINDS = ("found", "missed")
# Where objects were looked for, the heading, and the class of its grid of pictures.
_PLACES = (("alone", "In turned photographs", "small"), ("clutter", "In clutter", "wide"))


def of(result: dict[str, Any]) -> dict[str, Any]:
    """Everything the template needs beside the result itself."""
    counts, images = endings(result["alone"]), result["provenance"]["images"]
    parts = (
        ("found", "found", True),
        ("missed", "missed", True),
        ("near", "how often and how near", True),
        ("curve", "precision and recall", True),
        ("findings", "findings", bool(result["findings"])),
        ("measured", "how it was measured", True),
        ("provenance", "provenance", True),
    )
    return {
        "contents": [(place, words) for place, words, shown in parts if shown],
        "counts": counts,
        "clean": all(result["clutter"]["at_threshold"][key] == 1 for key in ("precision", "recall")),
        "pictures": {kind: _pictures(result, kind) for kind in KINDS},
        "endings": figures.ending_table(result["alone"]),
        "nearness": figures.near_table(result["alone"]),
        "curves": figures.precision_curves(result),
        "finders": figures.finder_table(result),
        "held_out": bool(images["train"]) and not set(images["train"]) & set(images["test"]),
        "whole": Figure("result", "Everything measured", Markup(""), without_pictures(result)),
    }


def without_pictures(result: dict[str, Any]) -> dict[str, Any]:
    """The result's numbers and words, which the page offers as JSON."""
    bare = {
        part: {
            **result[part],
            "pictures": [
                {key: value for key, value in one.items() if key != "picture"}
                for one in result[part]["pictures"]
            ],
        }
        for part, _, _ in _PLACES
    }
    return {**result, **bare}


def _pictures(result: dict[str, Any], kind: str) -> dict[str, Figure | None]:
    """The figures of one kind, by where the objects were looked for."""
    found: dict[str, Figure | None] = {}
    for part, title, look in _PLACES:
        shown = [one for one in result[part]["pictures"] if one["kind"] == kind]
        found[part] = figures.find_pictures(f"{kind}-{part}", title, look, shown) if shown else None
    return found
