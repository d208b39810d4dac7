"""Numbers, settings and times as a page prints them, beside svg.show."""

from __future__ import annotations

import re
from typing import Any


def share(value: float | None) -> str:
    """A part of a whole in per cent, an en dash for none.

    >>> share(0.0143), share(3e-6), share(0.0), share(None)
    ('1.43 %', '< 0.01 %', '0 %', '–')
    """
    if value is None:
        return "–"
    return f"{100 * value:.3g} %" if value >= 1e-4 else "< 0.01 %" if value > 0 else "0 %"


def seconds(value: float | None) -> str:
    """A measured duration to three digits, an en dash for none.

    >>> seconds(281.18), seconds(30.9), seconds(0.38), seconds(0.0123), seconds(0.0)
    ('281 s', '30.9 s', '0.380 s', '0.0123 s', '< 0.0001 s')
    """
    if value is None:
        return "–"
    return "< 0.0001 s" if value < 1e-4 else f"{value:.0f} s" if value >= 100 else f"{value:#.3g} s"


def published(value: float | None) -> str:
    """A duration with the digits of its source.

    >>> published(281.18), published(5.91)
    ('281.18 s', '5.91 s')
    """
    return "–" if value is None else f"{value:g} s"


def degrees(value: float | None) -> str:
    """An angle to three digits at most, with a minus sign that is one, an en dash for none.

    >>> degrees(4.932), degrees(98.6), degrees(123.4), degrees(-0.32), degrees(0.0), degrees(None)
    ('4.93°', '98.6°', '123°', '−0.32°', '0°', '–')
    """
    if value is None:
        return "–"
    words = "0" if value == 0 else _digits(abs(value), 2)
    return f"{'−' if value < 0 else ''}{words}°"


def microseconds(value: float | None) -> str:
    """A duration given in microseconds, to three digits, an en dash for none.

    >>> microseconds(0.4567), microseconds(38.12), microseconds(1234.5), microseconds(None)
    ('0.457 µs', '38.1 µs', '1,234 µs', '–')
    """
    if value is None:
        return "–"
    return f"{_digits(value, 3)} µs"


def times(value: float | None) -> str:
    """A ratio, an en dash for none.

    >>> times(1.0), times(2.347), times(84.2), times(1234.0)
    ('1×', '2.35×', '84.2×', '1,234×')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}×" if value >= 99.95 else f"{value:.3g}×"


def _digits(value: float, most: int) -> str:
    """Three digits, of which at most so many stand behind the point."""
    behind = sum(value < limit for limit in (0.9995, 9.995, 99.95))
    return f"{value:,.{min(behind, most)}f}"


def plain(value: Any) -> str:
    """A setting as text: lists joined, the rest as Python prints it."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def moment(created: str) -> str:
    """An ISO time as people write it; whatever is none stays as it is.

    >>> moment("2025-11-23T04:10:00+00:00")
    '2025-11-23 04:10 UTC'
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(.*)", created)
    return " ".join(part for part in found.groups() if part).replace("+00:00", "UTC") if found else created
