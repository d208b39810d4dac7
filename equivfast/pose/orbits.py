"""Poses that the exact symmetries of a representation carry into each other: one map serves all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equivfast.groups import Grid, Transform, grid_action, hflip, identity, rotation, vflip
from equivfast.maps import Map, permutation
from equivfast.maps.collect import Features

# Entries of matrices that differ by less, in their own unit, are the same.
_SAME = 1e-9

Key = tuple[int, ...]


@dataclass(frozen=True)
class Orbit:
    """g = left @ representative @ right, left and right symmetries."""

    left: Transform
    representative: Transform
    right: Transform


def symmetries(phi: Features, grid: Grid) -> tuple[Transform, ...]:
    """The identity and those of the two flips and the half turn that act on fields of this grid exactly.

    Definition channels by `phi.channel_action`, the grid's cells onto each other; where the representation says so
               itself (`phi.exact`), those that hold to rounding
    """
    exact = getattr(phi, "exact", lambda s: phi.channel_action(s) is not None)
    sides = (s for s in (hflip(), vflip(), rotation(180)) if exact(s) and _onto_itself(s, grid))
    return (identity(), *sides)


def _onto_itself(s: Transform, grid: Grid) -> bool:
    action = grid_action(s, grid, grid, "bilinear")
    return bool(action.index.shape[-1] == 1 and action.mask.all())


def orbit(g: Transform, symmetric: Sequence[Transform]) -> Orbit:
    """The same representative for every pose of an orbit, whatever other poses there are.

    Definition of all s g t the one whose linear part [[a, b], [c, d]] has the largest a, then d, then b, then c, then
               the largest offset, entries rounded to 1e-9; of rotations the one by 0 to 90 degrees
    """
    best, rank = Orbit(symmetric[0], g, symmetric[0]), _rank(g)
    for left in symmetric:
        for right in symmetric:
            # Flips and half turns undo themselves: g = s (s g t) t.
            other = left @ g @ right
            if _rank(other) > rank:
                best, rank = Orbit(left, other, right), _rank(other)
    return best


def key(g: Transform) -> Key:
    """Whole numbers that are the same for transformations that differ by rounding alone."""
    return tuple(int(v) for v in np.rint(np.array(g.matrix).ravel() / _SAME))


class Orbits:
    """The orbits of many poses; `representatives` are those of different ones, in the order of the poses."""

    def __init__(self, poses: Sequence[Transform], symmetric: Sequence[Transform]) -> None:
        self.poses = poses
        self._of = [orbit(g, symmetric) for g in poses]
        self.representatives: dict[Key, Transform] = {}
        for at in self._of:
            self.representatives.setdefault(key(at.representative), at.representative)

    def maps(self, learned: Mapping[Key, Map], phi: Features) -> tuple[Map, ...]:
        """The map of each pose from those of the representatives; equal poses share one."""
        made: dict[Transform, Map] = {}
        for g, at in zip(self.poses, self._of, strict=True):
            if g not in made:
                made[g] = composed(learned[key(at.representative)], at, g, phi)
        return tuple(made[g] for g in self.poses)


def composed(m: Map, at: Orbit, g: Transform, phi: Features) -> Map:
    """The map of g = left @ representative @ right from that of the representative."""
    if not at.right.is_identity:
        m = m @ permutation(at.right, m.source, phi.channel_action(at.right))
    if not at.left.is_identity:
        m = permutation(at.left, m.source, phi.channel_action(at.left)) @ m
    return m if m.g is g else replace(m, g=g)


def symmetrised(m: Map, symmetric: Sequence[Transform], phi: Features) -> Map:
    """The mean of all s m t with s g t = g: as symmetric as g itself, whatever images taught m.

    A half turn on both sides keeps every g about the centre, and a flip on both sides those along the axes. Without
    the mean it would depend on the choice of s and t which map a pose gets.
    """
    pairs = [(s, t) for s in symmetric for t in symmetric if key(s @ m.g @ t) == key(m.g)]
    alike = [composed(m, Orbit(s, m.g, t), m.g, phi) for s, t in pairs]
    weight, bias = (sum(getattr(a, name) for a in alike) / len(alike) for name in ("weight", "bias"))
    return replace(m, weight=weight, bias=bias)


def _rank(g: Transform) -> Key:
    a, b, x, c, d, y = key(g)
    return a, d, b, c, x, y
