"""What the template of a study is given: the figures of every section that the result has a part for."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from equivfast.report import figures
from equivfast.report.figures import Figure
from equivfast.report.svg import slug

PICTURES = ("image_x", "image_gx", "phi_x", "phi_gx", "mapped")
INVERSIONS = ("inverted_x", "inverted_gx", "inverted_mapped")  # of the last three; an example may lack them
# Places on the page and the words that lead there; a part that is absent has neither.
CONTENTS = (
    ("findings", "findings", "findings"),
    ("error", "errors", ""),
    ("transformations", "transformation by transformation", ""),
    ("patterns", "matrices", "pattern"),
    ("sizes", "array sizes", "sizes"),
    ("compose", "composition", "composition"),
    ("learn", "learning time", "learning"),
    ("bank", "one filter bank", "shared"),
    ("task", "classifier", "task"),
    ("all", "every setting", ""),
    ("measured", "how it was measured", ""),
    ("provenance", "provenance", ""),
)


def of(result: dict[str, Any]) -> dict[str, Any]:
    """Everything the template of a study needs beside the result itself."""
    transforms, curves = result["transforms"], result.get("curves") or {}
    # The first has the width of the page, and its own axis.
    side_by_side = figures.highest([*curves.values()][1:])
    labels = {transform["name"]: transform["label"] for transform in transforms}
    return {
        "contents": [(place, words) for place, words, part in CONTENTS if not part or result.get(part)],
        "labels": labels,
        "span": result.get("interval", "the interval around each mean"),
        "bars": figures.error_bars(transforms),
        "curves": [
            figures.error_curves(name, curve, side_by_side if k else None)
            for k, (name, curve) in enumerate(curves.items())
        ],
        "fields": sorted({tuple(transform["field"]) for transform in transforms}),
        "table": figures.error_table(transforms),
        "sections": [_transformation(k, transform) for k, transform in enumerate(transforms)],
        "settings": figures.settings_table(transforms),
        "whole": Figure("result", "Everything measured", Markup(""), without_pictures(result)),
        **_parts(result, labels),
    }


def _parts(result: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """The figures of the parts that may be absent; None or an empty list where they are."""
    composition, learning, shared, task = (
        result.get(part) for part in ("composition", "learning", "shared", "task")
    )
    return {
        "patterns": [_pattern(k, item, labels) for k, item in enumerate(result.get("pattern") or [])],
        "sizes": [figures.size_table(k, study) for k, study in enumerate(result.get("sizes") or [])],
        "one_method": figures.one_method(composition or []),
        "composition": figures.composition_table(composition) if composition else None,
        "learning": figures.learning_table(learning) if learning else None,
        "shared": figures.shared_table(shared, result["transforms"]) if shared else None,
        "task": figures.accuracy_curves(task) if task else [],
    }


def without_pictures(result: dict[str, Any]) -> dict[str, Any]:
    """The result's numbers and words, which the page offers as JSON."""

    def bare(transform: dict[str, Any]) -> dict[str, Any]:
        example = transform.get("example") or {}
        kept = {key: value for key, value in example.items() if key not in PICTURES + INVERSIONS}
        return {**transform, "example": kept} if example else transform

    found = {**result, "transforms": [bare(transform) for transform in result["transforms"]]}
    if result.get("pattern"):
        found["pattern"] = [_without_picture(pattern) for pattern in result["pattern"]]
    return found


def _transformation(place: int, transform: dict[str, Any]) -> dict[str, Any]:
    return {
        **transform,
        "id": f"g-{slug(transform['name'])}",
        "photos": figures.photo_errors(transform),
        "glyphs": _glyph_row(transform),
        "table": figures.notable_table(place, transform),
        "shortened": len(figures.notable(transform)) < len(transform["methods"]),
    }


def _glyph_row(transform: dict[str, Any]) -> Figure | None:
    """The five pictures x, gx, phi(x), phi(gx), M phi(x), with the numbers of the method that drew them; and below
    the last three, where the example has them, the pictures that these features describe."""
    example = transform.get("example")
    if not example:
        return None
    rows = [method for method in transform["methods"] if method["name"] == example["method"]]
    data = {
        "transform": transform["name"],
        "field": transform["field"],
        **{key: value for key, value in example.items() if key not in PICTURES + INVERSIONS},
        "errors": rows,
    }
    return Figure(f"glyphs-{slug(transform['name'])}", "An example", Markup(""), data)


def _pattern(place: int, item: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    label = item.get("label") or labels.get(item["name"], item["name"])
    figure = Figure(f"pattern-{place}", "A matrix", Markup(""), _without_picture(item))
    return {"caption": "", **item, "label": label, "figure": figure}


def _without_picture(pattern: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pattern.items() if key != "picture"}
