"""The frame of a plot: what it spans upwards, its axes with their titles, and levels to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    height: float = HEIGHT

    def y(self, value: float) -> float:
        return round(self.height * (1 - (value - self.bottom) / (self.top - self.bottom)), 2)

    def parts(self, parameter: str, values: Sequence[float]) -> Iterator[Markup]:
        """Both axes, and the levels."""
        yield from self.upright()
        place, ticks = axis(parameter, values)
        marks = [(place(value), words) for value, words in ticks]
        yield from self.across(marks, TITLES.get(parameter, parameter))
        for kind, value, _ in self.levels:
            yield line("0", self.y(value), "100%", self.y(value), kind)

    def upright(self) -> Iterator[Markup]:
        """The axis at the left, with a line across at each tick."""
        yield text("0", -16, self.title, "axis-title", anchor="start", dx=-44)
        for tick in self.ticks:
            y = self.y(tick)
            yield line("0", y, "100%", y, "grid")
            yield text("0", y + 4, self.tick_words(tick), "tick", anchor="end", dx=-8)

    def across(self, marks: Iterable[tuple[float, str]], title: str) -> Iterator[Markup]:
        """The axis below; a mark is where it stands, in per cent, and its words."""
        for place, words in marks:
            at = f"{place:.3f}%"
            yield line(at, self.height, at, self.height + 4, "join")
            yield text(at, self.height + 18, words, tick_kind(words), anchor="middle")
        yield text("50%", self.height + 38, title, "axis-title", anchor="middle")
