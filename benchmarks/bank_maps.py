"""The poses of the banks, and two kinds of maps that undo them.

analytic   what g does to HOG if only cells move and orientations turn: cells by the grid action with bilinear weights
           (k = 4), channels by `channel_matrix`. Nothing is learned, and no bias
learned    `pose.learned_maps`: ridge, 3 x 3 cells over bilinearly moved ones, from 32 windows of natural photographs.
           Every pose is fitted by itself, poses that are equal once: a minute or two for aff1000. They are kept
           under build/banks
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from bank_templates import CELL, ORIENTATIONS, PHI
from numpy.typing import NDArray

import equivfast as ef
from equivfast.groups import Grid, Transform
from equivfast.maps import Map

KINDS = ("analytic", "learned")
ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/banks"

_SCALES = tuple(2 ** (k / 4) for k in (-2, -1, 0, 1, 2))
_STRETCHES = (1.0, 1.2, 1.44, 1.728)


def _affine() -> tuple[Transform, ...]:
    """Stretched by r along x or y and by 1/r across, scaled, turned. Those of r = 1 are there twice: poses tie."""
    found = []
    for turn in range(25):
        for scale in _SCALES:
            for r in _STRETCHES:
                for stretch in ((r**0.5, r**-0.5), (r**-0.5, r**0.5)):
                    found.append(ef.groups.rotation(14.4 * turn) @ ef.groups.affine(scale * np.diag(stretch)))
    return tuple(found)


POSES: dict[str, tuple[Transform, ...]] = {
    "rot36": tuple(ef.groups.rotation(10 * k) for k in range(36)),
    "rot360": tuple(ef.groups.rotation(k) for k in range(360)),
    "aff1000": _affine(),
}


@lru_cache(maxsize=2)
def inverse_maps(poses: str, kind: str) -> tuple[Map, ...]:
    """For each pose g the map of g^-1: what `pose.templates_from_maps` takes."""
    if kind == "learned":
        return ef.pose.learned_maps(POSES[poses], PHI, folder=CACHE / _sources(), symmetric=False)
    grid = Grid.centred(10, 10, CELL)
    return tuple(
        Map("shared", g, "analytic", channel_matrix(g), np.zeros(31), (31, 31), grid, grid, 1, "bilinear")
        for g in (pose.inverse() for pose in POSES[poses])
    )


def _sources() -> str:
    """Hash of the code that learns maps: after a change of it they are learned again."""
    digest = hashlib.sha256()
    for room in ("groups", "maps"):
        for file in sorted((ROOT / "equivfast" / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def channel_matrix(g: Transform) -> NDArray[np.float64]:
    """(31, 31): the channels of HOG (uoctti) of g x from those of x at the same place.

    Definition  under g, of linear part A, a gradient along A^T u comes to lie along u; a block at A^-1 v comes to v.
                A direction between two bins, or between two of the four blocks' diagonals, is a blend of both
    """
    n, linear = ORIENTATIONS, g.linear
    bins = np.arange(2 * n) * np.pi / n
    gradients = _angle(np.stack([np.cos(bins), np.sin(bins)], 1) @ linear) * n / np.pi
    # The blocks by angle: bottom right, bottom left, top left, top right (y points down), of channels 3, 2, 0, 1.
    blocks = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    corners = _angle(blocks @ np.linalg.inv(linear).T) * 2 / np.pi - 0.5
    order = np.array([3, 2, 0, 1])
    out = np.zeros((3 * n + 4, 3 * n + 4))
    out[: 2 * n, : 2 * n] = _blend(gradients, 2 * n)
    out[2 * n : 3 * n, 2 * n : 3 * n] = _blend(gradients[:n], n)
    out[np.ix_(3 * n + order, 3 * n + order)] = _blend(corners, 4)
    return out


def _angle(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arctan2(directions[:, 1], directions[:, 0])


def _blend(places: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Rows that read a circle of `count` bins at fractional places; a place within 1e-9 of a bin is that bin."""
    places = np.where(np.abs(places - np.rint(places)) < 1e-9, np.rint(places), places)
    low, out, rows = np.floor(places), np.zeros((len(places), count)), np.arange(len(places))
    for step, weight in ((0, 1 - (places - low)), (1, places - low)):
        out[rows, (low.astype(int) + step) % count] += weight
    return out
