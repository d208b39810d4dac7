"""orthogonal: the rotation of the channels that fits the pairs best."""

from __future__ import annotations

import numpy as np

from equivfast.maps.least_squares import CUTOFF
from equivfast.maps.map import Map
from equivfast.maps.shared import Array, regression, shared_map
from equivfast.maps.statistics import Statistics


def orthogonal(statistics: Statistics, scaled: bool = False) -> Map:
    """The map of support 1 whose matrix is orthogonal: channels are rotated or mirrored, and nothing is lost.

    Definition minimises sum |y - A x - b|^2 over orthogonal A (Procrustes): A = U V^T from the singular value
               decomposition of the cross-covariance yx = U S V^T; of statistics of a larger support the central taps
               are used. `scaled`: s A, with the factor s = sum(S) / trace(xx), which is least squares too. Directions
               without cross-covariance (below 1e-12 of the largest: dead channels, few rows) leave A open; there
               it is as near to the identity as it can be. settings: scale, and rank, the number of the others.
    Symmetry   `M.inverse()` exists always, and its matrix is the transpose (over s^2)
    Source     Schoenemann 1966
    Raises     ValueError for window statistics, fewer than 2 rows, and channels c != d.

    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 2, 1, 1))
    >>> y = np.stack([-3 * x[:, 1], 3 * x[:, 0]], 1)
    >>> s = Statistics(identity(), grid, grid, (2, 2), support=1).update(x, y)
    >>> (orthogonal(s).weight.round(6) + 0.0).tolist(), round(orthogonal(s, scaled=True).settings["scale"], 6)
    ([[0.0, -1.0], [1.0, 0.0]], 3.0)
    """
    c, d = statistics.channels
    if c != d:
        raise ValueError(
            f"orthogonal: statistics must have as many input as output channels, got {c} and {d}"
        )
    moments = regression("orthogonal", statistics, 1)
    left, values, right = np.linalg.svd(moments.xy.mT.cpu().numpy())
    rank = int((values > CUTOFF * values[0]).sum())
    weight = left[:, :rank] @ right[:rank] + _nearest_identity(left[:, rank:], right[rank:])
    trace = float(moments.xx.trace())
    scale = float(values.sum()) / trace if scaled and trace > 0 else 1.0
    settings = {"scaled": bool(scaled), "scale": scale, "rank": rank}
    return shared_map(statistics, moments, 1, "orthogonal", scale * weight, settings)


def _nearest_identity(left: Array, right: Array) -> Array:
    """left Q right for the orthogonal Q that makes its trace largest."""
    if not left.shape[1]:
        return np.zeros((len(left), len(left)))
    p, _, q = np.linalg.svd((right @ left).T)
    return np.asarray(left @ p @ q @ right)
