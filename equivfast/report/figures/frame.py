"""The frame of a plot: what it spans upwards, its axes with their titles, and levels to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from equivfast.report.figures.axes import TITLES, axis, tick_kind
from equivfast.report.svg import line, text

HEIGHT = 240


@dataclass(frozen=True)
class Frame:
    """`title` names the upright axis, `words` writes a value, `tick_words` one on the axis; a level is its kind of
    line, where it stands, and the words of the legend."""

    bottom: float
    top: float
    ticks: Sequence[float]
    title: str
    words: Callable[[Any], str]
    tick_words: Callable[[Any], str]
    levels: tuple[tuple[str, float, str], ...] = ()

    def y(self, value: float) -> float:
        return round(HEIGHT * (1 - (value - self.bottom) / (self.top - self.bottom)), 2)

    def parts(self, parameter: str, values: Sequence[float]) -> Iterator[Markup]:
        """Both axes, and the levels."""
        yield text("0", -16, self.title, "axis-title", anchor="start", dx=-44)
        for tick in self.ticks:
            y = self.y(tick)
            yield line("0", y, "100%", y, "grid")
            yield text("0", y + 4, self.tick_words(tick), "tick", anchor="end", dx=-8)
        place, ticks = axis(parameter, values)
        for value, words in ticks:
            at = f"{place(value):.3f}%"
            yield line(at, HEIGHT, at, HEIGHT + 4, "join")
            yield text(at, HEIGHT + 18, words, tick_kind(words), anchor="middle")
        yield text("50%", HEIGHT + 38, TITLES.get(parameter, parameter), "axis-title", anchor="middle")
        for kind, value, _ in self.levels:
            yield line("0", self.y(value), "100%", self.y(value), kind)
