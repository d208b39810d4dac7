"""Tables of methods: the notable ones of a transformation, every one of every transformation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import cell, ends, head, table, words
from equivfast.report.figures.figure import ERROR, Figure, Method, mean_of

MEASURES = ("Hellinger", "interval", "rel. L2", "largest", "clipped", "non-zero", "learned in")


def notable(transform: dict[str, Any]) -> list[int]:
    """The places of the controls, the exact action, and the best method of every solver."""
    methods = transform["methods"]
    best: dict[str, int] = {}
    for place, method in enumerate(methods):
        solver = method.get("solver", method["name"])
        if method["role"] == "learned" and (
            solver not in best or mean_of(method) < mean_of(methods[best[solver]])
        ):
            best[solver] = place
    return [k for k, method in enumerate(methods) if method["role"] != "learned" or k in best.values()]


def notable_table(place: int, transform: dict[str, Any]) -> Markup:
    """The notable methods of the transformation that stands at `place` in the result."""
    rows = []
    for k in notable(transform):
        method = transform["methods"][k]
        rows.append((_kind(method, transform), [head(method["name"]), *_measures(place, k, method)]))
    return table("methods", ["method", *MEASURES], rows)


def settings_table(transforms: Sequence[dict[str, Any]]) -> Figure:
    """Every method of every transformation; a script of the page sorts and filters the rows."""
    order = {
        name: k for k, name in enumerate(dict.fromkeys(m["name"] for t in transforms for m in t["methods"]))
    }
    rows = []
    for place, transform in enumerate(transforms):
        for k, method in enumerate(transform["methods"]):
            cells = [
                words(transform["label"], place, "label"),
                head(method["name"], order[method["name"]]),
                *_setting(method),
                *_measures(place, k, method),
            ]
            rows.append((_kind(method, transform), cells))
    letters = [Markup("<i>{}</i>").format(letter) for letter in "mk"]
    body = table("settings", ["transformation", "method", *letters, *MEASURES], rows)
    choice = Markup("").join(
        Markup('<option value="{}">{}</option>').format(place, transform["label"])
        for place, transform in enumerate(transforms)
    )
    chooser = Markup(
        '<label class="choose" hidden>Show <select><option value="">all transformations</option>{}</select></label>'
    ).format(choice)
    left_out = ("per_photo",)
    data = {
        "unit": ERROR,
        "transforms": [
            {
                "name": t["name"],
                "label": t["label"],
                "methods": [{k: v for k, v in m.items() if k not in left_out} for m in t["methods"]],
            }
            for t in transforms
        ],
    }
    return Figure("settings", "All settings", chooser + body, data)


def _kind(method: Method, transform: dict[str, Any]) -> str:
    return f"{method['role']} best" if method["name"] == transform["best"] else str(method["role"])


def _setting(method: Method) -> list[Markup]:
    """m and k; unlimited support sorts behind every other, and what has none behind that."""
    if method["role"] != "learned" or "support" not in method:
        return [words("–", "")] * 2
    support, nonzeros = method["support"], method.get("nonzeros")
    return [
        words("all", "Infinity") if support is None else words(support, support),
        words("–", "") if nonzeros is None else words(nonzeros, nonzeros),
    ]


def _measures(place: int, k: int, method: Method) -> list[Markup]:
    path = f"transforms.{place}.methods.{k}"
    forms = (("relative_l2", ""), ("max_abs", ""), ("clipped_share", "share"), ("nonzero_share", "share"))
    return [
        cell(f"{path}.hellinger.mean", method["hellinger"]["mean"]),
        ends(f"{path}.hellinger", method["hellinger"]),
        *(cell(f"{path}.{key}", method[key], form) for key, form in forms),
        cell(f"{path}.learn_seconds", method["learn_seconds"], "seconds"),
    ]
