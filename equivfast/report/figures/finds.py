"""What a detector found: pictures of finds, how often it was right, and how near it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import cell, head, table, words
from equivfast.report.figures.figure import Figure
from equivfast.report.formats import share

Alone = dict[str, Any]

# What is measured of a find: its key, its name, how it is written.
ERRORS = (
    ("pixels", Markup("coordinate <small>pixels, right or down</small>"), ""),
    ("degrees", "angle", "degrees"),
    ("scale", Markup("size <small>share of the true one</small>"), "share"),
)


def endings(alone: Alone) -> dict[str, int]:
    """How many objects were found exactly, were found elsewhere, and gave no find at all.

    >>> endings({"count": 4, "exact": 0.5, "rows": [{"error": {}}, {"error": {}}, {"error": {}}, {"error": None}]})
    {'exact': 2, 'elsewhere': 1, 'nothing': 1}
    """
    exact = round(alone["exact"] * alone["count"])
    nothing = sum(row["error"] is None for row in alone["rows"])
    return {"exact": exact, "elsewhere": alone["count"] - exact - nothing, "nothing": nothing}


def ending_table(alone: Alone) -> Figure:
    """How the search for each object ended."""
    counts, total = endings(alone), alone["count"]
    told = (("elsewhere", "the best find is not exact"), ("nothing", "nothing reported"))
    rows = [
        (
            "learned",
            [head("found exactly"), words(counts["exact"]), cell("alone.exact", alone["exact"], "share")],
        )
    ]
    rows += [("", [head(name), words(counts[key]), words(share(counts[key] / total))]) for key, name in told]
    data = {key: alone[key] for key in ("count", "exact", "rows")} | {"endings": counts}
    heads = ["the search ended", "objects", "share"]
    return Figure("endings", "How often", table("plain endings", heads, rows), data)


def near_table(alone: Alone) -> Figure | None:
    """Errors of what was found exactly; None where nothing was."""
    if not endings(alone)["exact"]:
        return None
    rows = [
        (
            "learned",
            [
                head(name),
                *(cell(f"alone.errors.{key}.{q}", alone["errors"][key][q], form) for q in ("median", "most")),
            ],
        )
        for key, name, form in ERRORS
    ]
    heads = ["error of", "median", "90 % are at most"]
    return Figure("nearness", "How near", table("plain endings", heads, rows), {"errors": alone["errors"]})


def find_pictures(name: str, title: str, kind: str, pictures: Sequence[dict[str, Any]]) -> Figure:
    """Pictures with finds drawn in, and the words of each below it; `kind` is the class of their grid."""
    shown = Markup("\n").join(
        Markup('<div><img src="{}" alt="{}"><span>{}</span></div>').format(
            one["picture"], one["words"], one["words"]
        )
        for one in pictures
    )
    data = [{key: value for key, value in one.items() if key != "picture"} for one in pictures]
    return Figure(name, title, Markup('<div class="finds {}">\n{}\n</div>').format(kind, shown), data)
