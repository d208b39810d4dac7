"""Arguments of this room's functions: one wording for each kind of mistake."""

from __future__ import annotations

import math
import operator
from typing import Any


def shown(value: Any) -> str:
    """What came, for an error message: on one line, and not longer than a person reads.

    >>> shown([[1, 2],
    ...        [3, 4]])
    '[[1, 2], [3, 4]]'
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 200 else text[:200] + "..."


def finite_number(function: str, argument: str, value: Any) -> float:
    """The value as a float; ValueError when it is none, or NaN or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{function}: {argument} must be a finite number, got {shown(value)}")
    return number


def whole_number(function: str, argument: str, value: Any, least: int) -> int:
    """The value as an int; ValueError when it is none or below `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(
            f"{function}: {argument} must be a whole number, {least} or more, got {shown(value)}"
        )
    return number


def number_pair(function: str, argument: str, value: Any) -> tuple[float, float]:
    """The value as two floats (x, y); ValueError when it is no pair of finite numbers."""
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"{function}: {argument} must be two finite numbers (x, y), got {shown(value)}")
    return x, y


def one_of(function: str, argument: str, value: Any, choices: tuple[str, ...]) -> None:
    """ValueError when the value is none of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{function}: {argument} must be one of {', '.join(choices)}, got {shown(value)}")
