"""Tables in which every number names the place in the result that it was read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.formats import degrees, microseconds, published, seconds, share, times
from equivfast.report.svg import percent, show

FORMATS: dict[str, Callable[[Any], str]] = {
    "": show,
    "share": share,
    "seconds": seconds,
    "published": published,
    "degrees": degrees,
    "microseconds": microseconds,
    "times": times,
}


def stamp(path: str, value: float | None, form: str = "") -> Markup:
    """The attributes that say where a number stands in the result, and what it is before rounding."""
    named = Markup(' data-format="{}"').format(form) if form else Markup("")
    known = finite(value)
    return Markup(' data-path="{}" data-value="{}"{}').format(
        path, "" if known is None else repr(known), named
    )


def number(path: str, value: float | None, form: str = "") -> Markup:
    """A number of the result inside a sentence or a cell.

    >>> print(number("transforms.0.methods.3.nonzero_share", 0.0125, "share"))
    <span data-path="transforms.0.methods.3.nonzero_share" data-value="0.0125" data-format="share">1.25 %</span>
    """
    return Markup("<span{}>{}</span>").format(stamp(path, value, form), FORMATS[form](finite(value)))


def cell(path: str, value: float | None, form: str = "") -> Markup:
    """A cell that holds one number of the result."""
    return Markup("<td{}>{}</td>").format(stamp(path, value, form), FORMATS[form](finite(value)))


def ends(path: str, interval: dict[str, Any]) -> Markup:
    """A cell with both ends of an interval, or with a dash."""
    low, high = interval.get("low"), interval.get("high")
    if low is None or high is None:
        return Markup('<td class="quiet">–</td>')
    return Markup('<td class="quiet">{}–{}</td>').format(
        number(f"{path}.low", low), number(f"{path}.high", high)
    )


def estimate(path: str, interval: dict[str, Any], form: str = "") -> Markup:
    """A cell with a mean and its interval."""
    mean, (low, high) = (
        number(f"{path}.mean", interval["mean"], form),
        (interval.get("low"), interval.get("high")),
    )
    if low is None or high is None:
        return Markup("<td>{}</td>").format(mean)
    return Markup('<td>{} <span class="quiet">[{}, {}]</span></td>').format(
        mean, number(f"{path}.low", low, form), number(f"{path}.high", high, form)
    )


def barred(
    path: str,
    value: float | None,
    largest: float,
    kinds: str,
    mark: Markup | str = "",
    title: str = "",
    form: str = "",
) -> Markup:
    """A cell with a number and a bar above it."""
    known = finite(value)
    return Markup(
        '<td class="{}" title="{}"><span class="bar" style="width:{}"></span>{}'
        '<span class="number"{}>{}</span></td>'
    ).format(
        kinds,
        title,
        percent(known or 0.0, largest or 1.0),
        mark,
        stamp(path, value, form),
        FORMATS[form](known),
    )


def missing() -> Markup:
    return Markup('<td class="none">–</td>')


def words(text: object, order: int | str | None = None, kind: str = "") -> Markup:
    """A cell that holds no number of the result; `order` is what a sorted column goes by."""
    sorts = Markup("") if order is None else Markup(' data-value="{}"').format(order)
    return Markup("<td{}{}>{}</td>").format(
        Markup(' class="{}"').format(kind) if kind else Markup(""), sorts, text
    )


def head(text: object, order: int | None = None) -> Markup:
    """The cell that names a row."""
    sorts = Markup("") if order is None else Markup(' data-value="{}"').format(order)
    return Markup('<th scope="row"{}>{}</th>').format(sorts, text)


def table(kind: str, heads: Sequence[object], rows: Iterable[tuple[str, Sequence[Markup]]]) -> Markup:
    """A table in a box that scrolls sideways; `rows` are (class, cells), `heads` words or safe HTML. The style
    sheet is told how many columns there are: bars can be compared where all are equally wide."""
    top = Markup("").join(Markup('<th scope="col">{}</th>').format(words) for words in heads)
    body = Markup("\n").join(
        Markup('<tr class="{}">{}</tr>').format(role, Markup("").join(cells)) for role, cells in rows
    )
    return Markup(
        '<div class="scroll"><table class="{}" style="--columns:{}"><thead><tr>{}</tr></thead><tbody>\n{}\n'
        "</tbody></table></div>"
    ).format(kind, len(heads) - 1, top, body)
