"""The maps that a study compares: what each is called, what part it plays, how it is learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from equivfast.groups import Transform


@dataclass(frozen=True)
class Method:
    """A row of the table. `support`: m of the m x m cells that an output cell may read, None: all cells."""

    name: str
    role: str  # "control", "exact" or "learned"
    solver: str
    support: int | None = 1
    nonzeros: int | None = None


NO_MAP = Method("no map", "control", "identity")
MOVED = Method("cells moved", "control", "cells")
PERMUTATION = Method("permutation", "exact", "permutation")
CONTROLS = (NO_MAP, MOVED)
SUPPORTS = (1, 3, 5, None)


def learned(solver: str, support: int | None, nonzeros: int | None = None) -> Method:
    """The method of that solver, named as a person would.

    >>> learned("forward_selection", 3, 5).name, learned("ridge", None).name
    ('forward selection k=5 m=3', 'ridge all cells')
    """
    words = [solver.replace("_", " "), *([f"k={nonzeros}"] if nonzeros else [])]
    where = "all cells" if support is None else f"m={support}"
    return Method(" ".join([*words, where]), "learned", solver, support, nonzeros)


LEAST_SQUARES = tuple(learned("least_squares", m) for m in SUPPORTS)
RIDGE = tuple(learned("ridge", m) for m in SUPPORTS)
FORWARD_SELECTION = tuple(learned("forward_selection", m, k) for m in SUPPORTS for k in (1, 3, 5))
LEARNED = (*LEAST_SQUARES, *RIDGE, *FORWARD_SELECTION)
SPARSE = learned("forward_selection", 3, 5)  # the paper's choice for HOG
CURVE_METHODS = (*CONTROLS, learned("least_squares", 3), learned("ridge", 3), SPARSE)
SIZE_METHODS = (
    *CURVE_METHODS,
    learned("least_squares", None),
    learned("ridge", None),
    learned("forward_selection", None, 5),
)


def methods_for(g: Transform, has_permutation: bool) -> Iterator[Method]:
    yield from CONTROLS
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
