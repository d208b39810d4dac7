"""How well a map explains pairs of which only the statistics are left."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from equivfast.maps.map import Map
from equivfast.maps.statistics import Statistics


def r_squared(m: Map, statistics: Statistics) -> NDArray[np.float64]:
    """The share of each output's variance that the map explains, from statistics of any pairs, held out ones too.

    Shapes     (d,) for kind "shared", (d, H', W') for kind "window"
    Definition 1 - residual / variance, both as sums over the pairs; the residual includes a wrong mean. An output that
               does not vary scores 1 where it is met to 1e-12 of its square, else 0.
    Raises     ValueError when the map is of another kind or layout than the statistics.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import identity
    >>> grid = Grid.centred(1, 2, stride=8)
    >>> s = Statistics(hflip(), grid, grid, (1, 1), kind="window", support=None)
    >>> s = s.update(np.array([[[[1.0, 2.0]]], [[[3.0, 5.0]]]]), np.array([[[[1.0, 2.0]]], [[[3.0, 5.0]]]]))
    >>> r_squared(identity(grid, 1, kind="window"), s).tolist()
    [[[1.0, 1.0]]]
    """
    names = ["kind", "channels"] + (["source", "target"] if m.kind == "window" else ["g", "interpolation"])
    for name in names:
        if getattr(m, name) != getattr(statistics, name):
            raise ValueError(
                f"r_squared: map and statistics must have the same {name}, got {getattr(m, name)} and "
                f"{getattr(statistics, name)}"
            )
    score = np.zeros(len(m.bias))
    support = m.support if m.kind == "shared" else None
    weight = m.weight if isinstance(m.weight, csr_array) else csr_array(m.weight)
    for problem in statistics.problems(support):
        moments, rows, columns = problem.moments, problem.rows.numpy(), problem.columns.numpy()
        if moments.count < 1:
            raise ValueError("r_squared: statistics must hold pairs, got none")
        own = weight[rows]
        part = own[:, columns]
        if part.nnz != own.nnz:
            raise ValueError("r_squared: the map must not read cells beyond the statistics' support")
        a = torch.from_numpy(part.toarray()).to(moments.xx)
        residual = moments.yy - 2 * (a * moments.xy.T).sum(1) + ((a @ moments.xx) * a).sum(1)
        shift = moments.mean_y - a @ moments.mean_x - torch.from_numpy(m.bias[rows]).to(a)
        residual = residual.clamp(min=0) + moments.count * shift.square()
        size = moments.yy + moments.count * moments.mean_y.square()
        varies = moments.yy > 1e-24 * size
        met = (residual <= 1e-12 * size).to(a.dtype)
        score[rows] = torch.where(varies, 1 - residual / moments.yy, met).cpu().numpy()
    if m.kind == "shared":
        return score
    return score.reshape(m.channels[1], m.target.height, m.target.width)
