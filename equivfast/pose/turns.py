"""Poses that are turns by equal steps: between two of them there are others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equivfast.groups import Transform, rotation
from equivfast.pose.losses import angles_of
from equivfast.pose.refine import cyclic_peaks, parabola

_EQUAL = 1e-6  # degrees, and entries of a matrix


def equal_step(poses: Sequence[Transform]) -> float | None:
    """The step between poses that are nothing but turns, each by as much more than the one before; None for others.

    >>> from equivfast.groups import hflip
    >>> equal_step([rotation(angle) for angle in (-20, 0, 20)]), equal_step([hflip(), rotation(5)])
    (20.0, None)
    """
    if len(poses) < 3:
        return None
    matrices = np.array([g.matrix for g in poses])
    if np.linalg.det(matrices[:, :, :2]).min() <= 0:
        return None
    angles = angles_of(poses)
    turns = np.array([rotation(float(angle)).matrix for angle in angles])
    steps = np.diff(angles) % 360
    alike = np.abs(matrices - turns).max() <= _EQUAL and np.ptp(steps) <= _EQUAL and 0 < steps[0] < 180
    whole = steps[0] * (len(poses) - 1) < 360 - _EQUAL
    return float(np.round(steps[0], 9)) if alike and whole else None


def refined(poses: Sequence[Transform], scores: NDArray[np.float64]) -> list[Transform]:
    """The best pose of each row of scores; of turns by equal steps the turn between the steps.

    Shapes     g poses, scores (n, g) -> n transformations
    Definition turns: the highest score moved by :func:`parabola` through its two neighbours; where the turns do not
               fill the circle, the first and the last of them have one neighbour and stay. Other poses: the one with
               the highest score, the first of equal ones

    >>> poses = [rotation(angle) for angle in (0, 90, 180, 270)]
    >>> [g.name for g in refined(poses, np.array([[3.0, 1.0, 0.0, 2.0]]))]
    ['rot:345']
    """
    best, step = scores.argmax(1), equal_step(poses)
    if step is None:
        return [poses[k] for k in best]
    if abs(step * len(poses) - 360) <= _EQUAL * len(poses):
        position = cyclic_peaks(scores)
    else:
        ends = np.pad(scores, ((0, 0), (1, 1)), constant_values=-np.inf)
        position = best + parabola(*(ends[np.arange(len(scores)), best + k] for k in range(3)))
    first = float(angles_of(poses[:1])[0])
    return [rotation(round((first + step * at) % 360, 9)) for at in position.tolist()]
