"""Seconds of learning as the paper's table 1 has them: by the side of the neighbourhood, without limit at last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.cells import cell, head, missing, number, table
from equivfast.report.figures.figure import Figure


def learning_table(learning: dict[str, Any]) -> Figure:
    """Methods by support, the paper's times below them."""
    rows, paper = learning["rows"], learning.get("paper")
    sides = sorted({row["support"] for row in rows if row["support"] is not None})
    places = {(_family(row), row["support"]): k for k, row in enumerate(rows)}
    body = []
    for family in dict.fromkeys(map(_family, rows)):
        found = [places.get((family, side)) for side in (*sides, None)]
        cells = [
            missing() if k is None else cell(f"learning.rows.{k}.seconds", rows[k]["seconds"], "seconds")
            for k in found
        ]
        body.append(("learned", [head(family), *cells]))
    if paper:
        body.append(("control begins", [*_published(paper, len(sides))]))
    heads = [Markup("<i>m</i> = {}").format(side) for side in sides]
    return Figure(
        "learning", "Time of learning", table("plain times", ["method", *heads, "all cells"], body), learning
    )


def _family(row: dict[str, Any]) -> str:
    """A method's name without the neighbourhood, which is its column."""
    where = " all cells" if row["support"] is None else f" m={row['support']}"
    return str(row["name"]).removesuffix(where)


def _published(paper: dict[str, Any], sides: int) -> Iterator[Markup]:
    cells = "{}×{} cells, ".format(*paper["field"]) if "field" in paper else ""
    yield head(Markup("published <small>{}{}</small>").format(cells, paper["source"]))
    fastest, slowest = (
        number(f"learning.paper.structured.{k}", value, "published")
        for k, value in enumerate(paper["structured"])
    )
    if sides:
        yield Markup('<td colspan="{}">{} to {} for <i>m</i> = 1 to 5</td>').format(sides, fastest, slowest)
    yield cell("learning.paper.unstructured", paper["unstructured"], "published")
