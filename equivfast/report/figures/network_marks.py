"""What the figures of a network study are drawn with: the axis of its layers, small multiples, legends, lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from equivfast.report.atomic import finite
from equivfast.report.figures.frame import Frame
from equivfast.report.svg import dot, drawing, line, path, plane, text

# Eight lines that follow each other: colours from blue to brown, and dashes of their own.
STEPS = tuple(f"step{k}" for k in range(8))
# A closed form is blue, what training makes of it orange, on the whole page.
CLOSED, TRAINED = "learned", "learned2"
_LINES = ("curve", "level", "guess")
_LETTER = 7.0  # pixels, of a label at its widest
_LONGEST = 20  # letters of a label: a layer deep inside a network is known by the end of its name
_LYING = 270  # pixels: what lies beside each other in a telephone's drawing
NARROW, WIDE = 15, 24  # pixels that a layer needs for a label that stands, and for two bars


@dataclass(frozen=True)
class LayerAxis:
    """Layers at equal distances, in the order in which they run; labels lie where they have room, else they stand."""

    names: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        return [name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}" for name in self.names]

    @property
    def lying(self) -> bool:
        return sum(_LETTER * len(label) + 10 for label in self.labels) <= _LYING

    @property
    def room(self) -> int:
        """Pixels below the axis."""
        return 44 if self.lying else round(_LETTER * max(map(len, self.labels), default=0)) + 32

    def place(self, k: float) -> float:
        """Where layer `k` stands, in per cent of the width."""
        return round(100 * (k + 0.5) / max(len(self.names), 1), 3)

    def parts(self, height: float) -> Iterator[Markup]:
        for k, label in enumerate(self.labels):
            at = f"{self.place(k):.3f}%"
            yield line(at, height, at, height + 4, "join")
            yield (
                text(at, height + 18, label, "tick", anchor="middle")
                if self.lying
                else _standing(at, height + 9, label)
            )
        title = "layers, in the order in which they run"
        yield text("50%", height + self.room - 6, title, "axis-title", anchor="middle")

    def chart(self, height: float, parts: Iterable[Markup], column: int = NARROW) -> Markup:
        """A drawing that scrolls in its own box where the layers do not fit."""
        body = drawing(height + self.room, [*parts, *self.parts(height)])
        least = column * len(self.names)
        return Markup(
            '<div class="scroll"><div class="curves layered" style="--least:{}px">{}</div></div>'
        ).format(least, body)


def _standing(at: str, y: float, label: str) -> Markup:
    """A label from below upwards; the inner canvas moves the point it turns about to a percentage of the width."""
    inside = text("0", 4, label, "tick", anchor="end").replace(
        "<text ", Markup('<text transform="rotate(-90)" ')
    )
    return Markup('<svg class="stand" x="{}" y="{}" width="1" height="1">{}</svg>').format(at, y, inside)


def order(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of all layers, in the order in which they run."""
    return tuple(layer["name"] for layer in result["layers"])


def entries_of(result: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
    """Place in the result, and entry, by layer and transformation."""
    return {(entry["layer"], entry["transform"]): (k, entry) for k, entry in enumerate(result["entries"])}


def measured(result: Mapping[str, Any], part: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The layers and the transformations of which some entry has the part."""
    having = [entry for entry in result["entries"] if entry[part] is not None]
    layers, names = ({entry[key] for entry in having} for key in ("layer", "transform"))
    return (
        [name for name in order(result) if name in layers],
        [transform for transform in result["transforms"] if transform["name"] in names],
    )


def known(value: Any) -> float | None:
    """A number that can be drawn, None for what is none."""
    found = finite(value)
    return None if found is None else float(found)


def span_of(interval: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Low end, mean and high end; the mean itself where there are no ends; None where there is no mean."""
    mean = known(interval["mean"])
    if mean is None:
        return None
    low, high = (known(interval.get(end)) for end in ("low", "high"))
    return (mean if low is None else low), mean, (mean if high is None else high)


def curve(
    name: str, points: Sequence[tuple[float, float | None]], frame: Frame, look: str, about: Sequence[str]
) -> tuple[list[Markup], list[Markup]]:
    """(lines, dots) through (per cent, value); None is a gap. `about` says where each point is, for the pointer."""
    lines, dots = [], []
    for there, run in groupby(enumerate(points), key=lambda item: item[1][1] is not None):
        if there:
            placed = [(k, x, y) for k, (x, y) in run if y is not None]
            lines.append(path([(x, frame.y(y)) for _, x, y in placed], f"curve {look}"))
            dots += [
                dot(f"{x:.3f}%", frame.y(y), 3, look, f"{name}, {about[k]}: {frame.words(y)}")
                for k, x, y in placed
            ]
    return lines, dots


def curves(
    series: Mapping[str, Sequence[float | None]],
    places: Sequence[float],
    looks: Mapping[str, str],
    frame: Frame,
    about: Sequence[str],
) -> list[Markup]:
    """All lines, and all dots above them."""
    drawn = [
        curve(name, list(zip(places, values, strict=True)), frame, looks[name], about)
        for name, values in series.items()
    ]
    lines = [one for found, _ in drawn for one in found]
    return [plane(frame.height, lines), *(one for _, found in drawn for one in found)]


def legend(items: Iterable[tuple[str, str]]) -> Markup:
    """(class, words) of lines, of points and of areas together."""
    marks = []
    for kind, words in items:
        if kind.startswith(_LINES):
            mark = Markup(
                '<svg width="30" height="12" aria-hidden="true"><line class="{}" x1="2" y1="6" x2="28" y2="6"/></svg>'
            ).format(kind)
        else:
            mark = Markup('<i class="{}"></i>').format(kind)
        marks.append(Markup("<li>{}{}</li>").format(mark, words))
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(marks)) if marks else Markup("")


def multiples(kind: str, panels: Iterable[tuple[Any, Markup]]) -> Markup:
    """Drawings side by side, each below its name, if it has one: as many in a row as there is room for."""
    shown = Markup("\n").join(
        Markup('<div class="panel">{}{}</div>').format(
            Markup('<p class="of">{}</p>').format(name) if name else Markup(""), body
        )
        for name, body in panels
    )
    return Markup('<div class="multiples {}">{}</div>').format(kind, shown)
