"""Small pieces of inline SVG, and numbers as a page prints them.

Horizontal positions are percentages of the drawing's width and vertical ones are pixels: a drawing stretches
to its column while its letters keep their size, at a desk, on a telephone and on paper. Colours and strokes
are classes of the page's style sheet. Every text and attribute is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup


def drawing(height: float, parts: Iterable[Markup]) -> Markup:
    """The parts on a canvas of the column's width; what reaches beyond it (labels) stays visible."""
    return Markup('<svg width="100%" height="{}" role="img">{}</svg>').format(height, Markup("").join(parts))


def line(x0: str, y0: float, x1: str, y1: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, x0, y0, x1, y1)


def text(x: str, y: float, words: str, kind: str, *, anchor: str = "start", dx: float = 0) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" dx="{}" text-anchor="{}">{}</text>').format(
        kind, x, y, dx, anchor, words
    )


def rect(x: str, y: float, width: str, height: float, kind: str, title: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        kind, x, y, width, height, title
    )


def dot(x: str, y: float, radius: float, kind: str, title: str) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>').format(
        kind, x, y, radius, title
    )


def plane(height: float, parts: Iterable[Markup]) -> Markup:
    """A canvas inside a drawing, 0 to 100 from left to right and pixels downwards: lines through points,
    for which percentages do not serve."""
    return Markup(
        '<svg width="100%" height="{0}" viewBox="0 0 100 {0}" preserveAspectRatio="none">{1}</svg>'
    ).format(height, Markup("").join(parts))


def path(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    return Markup('<polyline class="{}" points="{}"/>').format(kind, _listed(points))


def band(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    return Markup('<polygon class="{}" points="{}"/>').format(kind, _listed(points))


def _listed(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def percent(value: float, top: float, start: float = 0.0) -> str:
    """Where `value` lies between `start` and `top`, as a percentage."""
    return f"{100 * (value - start) / (top - start):.3f}%"


def upright_grid(top: float, ticks: Sequence[float], height: float) -> list[Markup]:
    return [line(percent(tick, top), 0, percent(tick, top), height, "grid") for tick in ticks]


def labels_below(top: float, ticks: Sequence[float], y: float) -> list[Markup]:
    return [text(percent(tick, top), y, f"{tick:.6g}", "tick", anchor="middle") for tick in ticks]


def scale(largest: float) -> tuple[float, list[float]]:
    """The end of an axis from 0, and at most seven round ticks on it.

    >>> scale(0.37)
    (0.4, [0.0, 0.1, 0.2, 0.3, 0.4])
    """
    if not largest > 0:
        return 1.0, [0.0, 1.0]
    unit = 10 ** math.floor(math.log10(largest))
    step = next(unit * m for m in (0.1, 0.2, 0.5, 1, 2) if largest / (unit * m) <= 6)
    count = math.ceil(largest / step - 1e-9)
    ticks = [float(f"{k * step:.6g}") for k in range(count + 1)]
    return ticks[-1], ticks


def show(value: float | None) -> str:
    """A number as the page prints it, with a minus sign that is one, and an en dash for none.

    >>> show(0.12949), show(-0.0012), show(3.2e-7), show(0)
    ('0.129', '−0.0012', '3·10⁻⁷', '0')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value < 0:
        return f"−{show(-value)}"
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 0.01:
        return f"{value:.3f}"
    if value >= 0.0005:
        return f"{value:.4f}"
    digits, exponent = f"{value:.0e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def slug(name: str) -> str:
    """Letters, digits and hyphens: an identifier that can stand in an address; a minus sign becomes m.

    >>> slug("rot:45*scale:0.8"), slug("shift:3,-2")
    ('rot-45-scale-0-8', 'shift-3-m2')
    """
    return "-".join(
        "".join(c if c.isascii() and c.isalnum() else " " for c in name.replace("-", " m")).split()
    )
