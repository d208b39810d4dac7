"""The axis of a parameter: where its values stand, and the ticks that people expect there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

TITLES = {
    "degrees": "angle of rotation, counter-clockwise",
    "factors": "scaling factor (logarithmic axis)",
    "cells": "shift to the right, in cells",
}
FACTORS = (0.25, 0.5, 2**-0.5, 1.0, 1.25, 2**0.5, 2.0, 4.0)
FRACTIONS = ((0.0, "0"), (0.25, "¼"), (0.5, "½"), (0.75, "¾"), (1.0, "1"))


def axis(parameter: str, values: Sequence[float]) -> tuple[Callable[[float], float], list[tuple[float, str]]]:
    """Where a value stands, in per cent of the width, and the ticks: factors stand by their logarithm."""
    bend = math.log2 if parameter == "factors" and min(values) > 0 else float
    start, end = bend(min(values)), bend(max(values))
    span = end - start or 1.0

    def place(value: float) -> float:
        return round(100 * (bend(value) - start) / span, 3)

    if parameter == "degrees":
        known = [(float(value), f"{value}°") for value in range(-360, 361, 30)]
    elif parameter == "factors":
        known = [(value, f"{value:.2f}".rstrip("0").rstrip(".")) for value in FACTORS]
    elif parameter == "cells" and max(values) <= 1:
        known = list(FRACTIONS)
    else:
        known = []
    slack = 1e-4
    ticks = [tick for tick in known if min(values) - slack <= tick[0] <= max(values) + slack]
    if len(ticks) < 2:
        ticks = [(value, f"{value:g}") for value in values[:: -(-len(values) // 10)]]
    return place, ticks


def tick_kind(words: str) -> str:
    """1.25 stands so near to 1.41 that it goes first where there is little room."""
    return "tick minor" if words == "1.25" else "tick"
