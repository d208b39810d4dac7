"""A figure: safe HTML together with the data it shows; and what several kinds of figure share."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.svg import show

ERROR = "mean Hellinger distance per cell"
# The largest difference of a feature that rounding explains; the error takes its square root.
EXACT = 1e-4
ROLES = ("control", "exact", "learned")

Method = dict[str, Any]
Series = list[tuple[str, Method]]


@dataclass(frozen=True)
class Figure:
    """`body` is safe HTML; `data` what it shows, which the page offers as JSON; `legend`: (colour, words), where
    the colour is the class of a line, of a point or of an area."""

    id: str
    title: str
    body: Markup
    data: Any
    legend: tuple[tuple[str, str], ...] = ()
    marks: str = "areas"

    @property
    def json(self) -> Markup:
        """The data for a <script> element, free of any tag that could end it."""
        content = json.dumps(finite(self.data), ensure_ascii=False, allow_nan=False)
        return Markup(content.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))

    @property
    def link(self) -> str:
        """The data as an address that a browser saves to a file."""
        content = json.dumps(finite(self.data), ensure_ascii=False, allow_nan=False, indent=1)
        return "data:application/json;base64," + base64.b64encode(content.encode()).decode()


def mean_of(method: Method) -> float:
    """The error that methods are ordered by; one that is not a number comes last."""
    mean = method["hellinger"]["mean"]
    return float("inf") if mean is None else float(mean)


def interval_of(method: Method) -> tuple[float, float]:
    """The ends of the interval, the mean itself where there is none."""
    error = method["hellinger"]
    low, high = (error["mean"] if error.get(end) is None else error[end] for end in ("low", "high"))
    return float(low), float(high)


def span_of(method: Method) -> str:
    """The interval in words, for the pointer."""
    if method["hellinger"]["mean"] is None:
        return ""
    low, high = interval_of(method)
    return f"{show(low)} to {show(high)}"


def compared(transform: dict[str, Any]) -> Series:
    """(colour, method) of what the charts show: the controls, the best learned map, the exact action."""

    def of(role: str) -> list[Method]:
        return [method for method in transform["methods"] if method["role"] == role]

    series = [(f"control{min(k, 1)}", method) for k, method in enumerate(of("control"))]
    series += [("learned", method) for method in sorted(of("learned"), key=mean_of)[:1]]
    return series + [("exact", method) for method in of("exact")[:1]]


def field_note(transforms: Sequence[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """What tells the arrays of transformations apart: their sizes, nothing where all are alike."""
    alike = len({tuple(transform["field"]) for transform in transforms}) < 2
    return lambda transform: "" if alike else "{}×{} cells".format(*transform["field"])


def row(name: str, plot: Markup, note: str = "") -> Markup:
    """A drawing with its name at the left, or above it on a telephone."""
    return Markup(
        '<div class="row"><div class="name">{} <small>{}</small></div><div class="plot">{}</div></div>'
    ).format(name, note, plot)
