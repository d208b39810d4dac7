"""How far poses are from each other: tables for learning, distances for measuring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast.groups import Transform

Table = NDArray[np.float64]


def angles_of(poses: Sequence[Transform]) -> Table:
    """The angle of each pose's linear part, -180 < angle <= 180.

    Shapes     g poses -> (g,) float64
    Units      degrees, counter-clockwise on the screen, as in `groups.rotation`
    Definition of the rotation nearest to the linear part (its polar factor): a scaling has none of its own
    Raises     ValueError for a pose that mirrors: it has no angle

    >>> from equivfast import groups
    >>> angles_of([groups.rotation(30) @ groups.scaling(2), groups.rotation(190)]).round(6).tolist()
    [30.0, -170.0]
    """
    linear = _matrices("angles_of", poses)[:, :, :2]
    mirrors = np.flatnonzero(np.linalg.det(linear) <= 0)
    if len(mirrors):
        raise ValueError(f"angles_of: poses must not mirror, got {poses[mirrors[0]].name} at {mirrors[0]}")
    sine, cosine = linear[:, 0, 1] - linear[:, 1, 0], linear[:, 0, 0] + linear[:, 1, 1]
    angles: Table = np.degrees(np.arctan2(sine, cosine))
    return np.where(angles <= -180, angles + 360, angles)


def angle_differences(first: Any, second: Any) -> Table:
    """How far apart angles are on the circle: 0..180 degrees, of shapes that go together.

    >>> angle_differences([350.0, 90.0], [10.0, -90.0]).tolist()
    [20.0, 180.0]
    """
    apart: Table = np.abs((np.asarray(first, np.float64) - np.asarray(second, np.float64) + 180) % 360 - 180)
    return apart


def angle_loss(
    poses: Sequence[Transform], scale: float = 45.0, truth: Sequence[Transform] | None = None
) -> Table:
    """The loss of each pose by its angle.

    Shapes     g poses -> (g, g), row k: what each pose costs where pose k is true; with n `truth` poses (n, g)
    Units      scale in degrees; losses 0..1
    Definition min(|difference of the angles of both linear parts| / scale, 1)
    Symmetry   unchanged where one rotation is applied after both poses; the table is symmetric
    Raises     ValueError as :func:`angles_of`, and for a scale that is not above 0

    >>> from equivfast import groups
    >>> angle_loss([groups.rotation(angle) for angle in (0, 30, 350)])[0].round(3).tolist()
    [0.0, 0.667, 0.222]
    """
    _check_scale("angle_loss", scale)
    found = angles_of(poses)
    true = found if truth is None else angles_of(truth)
    return np.minimum(angle_differences(true[:, None], found) / scale, 1)


def keypoint_distances(truth: Sequence[Transform], poses: Sequence[Transform], points: Any) -> Table:
    """How far apart two poses move some points, on average.

    Shapes     n and g poses, points (p, 2) of centred (x, y) -> (n, g), in the points' unit
    Definition mean over the points of |truth(point) - pose(point)|
    Raises     ValueError for no pose, and points of another shape

    >>> from equivfast import groups
    >>> keypoint_distances([groups.identity()], [groups.scaling(2), groups.vflip()], [[3, 4], [0, 5]]).tolist()
    [[5.0, 9.0]]
    """
    values = np.asarray(points, np.float64)
    if values.ndim != 2 or values.shape[1] != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"keypoint_distances: points must be finite (p, 2) with p >= 1, got {np.shape(points)}"
        )
    matrices = (_matrices("keypoint_distances", which) for which in (truth, poses))
    first, second = (m[:, :, :2] @ values.T + m[:, :, 2:] for m in matrices)  # (n, 2, p)
    distances: Table = np.linalg.norm(first[:, None] - second[None], axis=2).mean(axis=2)
    return distances


def keypoint_loss(
    poses: Sequence[Transform], points: Any, scale: float, truth: Sequence[Transform] | None = None
) -> Table:
    """The loss of each pose by where it moves the canonical points of the object (eyes, nose).

    Shapes     g poses, points (p, 2) of centred (x, y) -> (g, g), row k: what each pose costs where pose k is true;
               with n `truth` poses (n, g)
    Units      points and scale in pixels; losses 0..1
    Definition min(:func:`keypoint_distances` / scale, 1)
    Symmetry   unchanged where one rotation or shift is applied after both poses; the table is symmetric
    Source     Lenc & Vedaldi 2015, section 3.4
    Raises     ValueError as :func:`keypoint_distances`, and for a scale that is not above 0

    >>> from equivfast import groups
    >>> keypoint_loss([groups.identity(), groups.hflip()], [[-2, 0], [2, 0]], scale=8)[0].tolist()
    [0.0, 0.5]
    """
    _check_scale("keypoint_loss", scale)
    return np.minimum(keypoint_distances(poses if truth is None else truth, poses, points) / scale, 1)


def _check_scale(function: str, scale: float) -> None:
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"{function}: scale must be above 0, got {scale!r}")


def _matrices(function: str, poses: Sequence[Transform]) -> Table:
    """(g, 2, 3)."""
    if not len(poses) or not all(isinstance(g, Transform) for g in poses):
        raise ValueError(f"{function}: poses must be transformations, at least one, got {list(poses)!r}")
    return np.array([g.matrix for g in poses])
