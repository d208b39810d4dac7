"""Between the steps of a search: the vertex of the parabola through the best score and its two neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def parabola(left: Any, middle: Any, right: Any) -> Floats:
    """Where the parabola through three scores at -1, 0 and 1 is highest.

    Shapes     arrays or numbers of shapes that go together; the result has their common shape, float64
    Units      steps, -0.5..0.5: the vertex of a middle that is a peak lies nowhere else
    Definition (left - right) / (2 (left - 2 middle + right)); 0 where the middle is lower than a neighbour, where all
               three are equal, and where a score is not finite
    Symmetry   left and right exchanged give the negative offset

    >>> parabola(0.0, 1.0, 0.0).tolist(), parabola([1.0, 2.0], [3.0, 1.0], [2.0, 0.0]).round(3).tolist()
    (0.0, [0.167, 0.0])
    """
    a, b, c = np.broadcast_arrays(*(np.asarray(score, np.float64) for score in (left, middle, right)))
    usable = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    a, b, c = (np.where(usable, score, 0.0) for score in (a, b, c))
    bend = (b - a) + (b - c)
    peak = (b >= a) & (b >= c) & (bend > 0)
    offset: Floats = np.where(peak, 0.5 * (c - a) / np.where(peak, bend, 1.0), 0.0)
    return np.clip(offset, -0.5, 0.5)


def cyclic_peaks(scores: Any) -> Floats:
    """The best position of each row of scores around a circle, between the steps.

    Shapes     scores (n, g) of g >= 1 equal steps, the last beside the first; the result (n,) float64
    Units      steps, 0 <= position < g; for g turns of equal step, 360 / g times it is the angle in degrees
    Definition the highest score, the first of equal ones, moved by :func:`parabola` through its neighbours
    Symmetry   scores moved on by k steps give positions moved on by k, where no two scores are equal
    Raises     ValueError for another shape, and a row that holds NaN or nothing but infinity

    >>> cyclic_peaks([[3.0, 1.0, 0.0, 2.0], [0.0, 0.0, 5.0, 0.0]]).round(3).tolist()
    [3.833, 2.0]
    """
    rows = np.asarray(scores, np.float64)
    if rows.ndim != 2 or rows.shape[1] < 1:
        raise ValueError(f"cyclic_peaks: scores must be (n, g) with g >= 1, got {rows.shape}")
    g, every = rows.shape[1], np.arange(len(rows))
    best = rows.argmax(axis=1)
    bad = np.flatnonzero(~np.isfinite(rows[every, best]))
    if len(bad):
        found = rows[bad[0], best[bad[0]]]
        raise ValueError(f"cyclic_peaks: scores must have a finite best, got {found} in row {bad[0]}")
    around = (rows[every, (best + step) % g] for step in (-1, 0, 1))
    position: Floats = np.mod(best + parabola(*around), g)
    return position
