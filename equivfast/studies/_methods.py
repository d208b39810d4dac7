"""The maps that a study compares, each solved from the same statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from equivfast.groups import Transform


@dataclass(frozen=True)
class Method:
    """A row of the table: what it is called, what part it plays, how it is learned."""

    name: str
    role: str  # "control", "exact" or "learned"
    solver: str
    support: int = 1
    nonzeros: int | None = None


NO_MAP = Method("no map", "control", "identity")
MOVED = Method("cells moved", "control", "cells")
PERMUTATION = Method("permutation", "exact", "permutation")
LEARNED = (
    Method("least squares m=1", "learned", "least_squares", 1),
    Method("ridge m=3", "learned", "ridge", 3),
    Method("forward selection k=1 m=1", "learned", "forward_selection", 1, 1),
    Method("forward selection k=5 m=3", "learned", "forward_selection", 3, 5),
)
CURVE_METHODS = (NO_MAP, MOVED, LEARNED[-1])
MAX_SUPPORT = max(m.support for m in LEARNED)


def methods_for(g: Transform, has_permutation: bool) -> Iterator[Method]:
    yield NO_MAP
    yield MOVED
    if has_permutation:
        yield PERMUTATION
    yield from LEARNED


def label_of(g: Transform) -> str:
    """A transformation as people write it: "rotation 45°" for "rot:45"."""
    words = {"hflip": "left-right flip", "vflip": "up-down flip", "identity": "identity"}
    parts = []
    for part in g.name.split("*"):
        kind, _, value = part.partition(":")
        if kind == "rot" or part in ("rot90", "rot180", "rot270"):
            parts.append(f"rotation {value or part[3:]}°")
        elif kind == "scale":
            parts.append(f"scaling {value}×")
        elif kind == "shift":
            parts.append(f"shift ({value.replace(',', ', ')}) pixels")
        else:
            parts.append(words.get(part, part))
    return " after ".join(parts)
