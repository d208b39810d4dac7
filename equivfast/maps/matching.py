"""matched_permutation: each output channel reads the one input channel that it goes with best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from equivfast.maps.map import Map
from equivfast.maps.shared import Array, regression, shared_map
from equivfast.maps.statistics import Statistics

# A channel is dead when its spread is below 1e-7 of the largest channel's, or of its own mean: float32 holds no more.
_DEAD = 1e-14


def matched_permutation(statistics: Statistics, *, signed: bool = False, scaled: bool = False) -> Map:
    """The map of support 1 whose matrix has one entry a row and a column: channels are permuted.

    Definition the channels of the moved field are matched with the output channels one to one, so that the sum of
               the pairs' correlations is largest (Hungarian method); of statistics of a larger support the central
               taps are used. The entries are 1. `signed`: the absolute correlations count, and an entry has the sign of
               its own. `scaled`: an entry is the pair's least-squares factor, cov(x, y) / var(x); without `signed` no
               less than 0. The bias is mean(y) - A mean(x). Channels that do not vary are matched last, with
               weight 0, and so are outputs for which no input is left (d > c): the bias alone predicts them.
               settings: order (the input channel of each output, -1: none), correlation (of each pair, 0 for weight 0)
               and dead ([inputs, outputs] that do not vary).
    Cost       O(c^3) after the statistics; 512 channels take a hundredth of a second
    Source     Hungarian method: Kuhn 1955. Matching the channels of networks: Li et al. 2016, Entezari et al. 2022
    Raises     ValueError for window statistics and for fewer than 2 rows.

    >>> from equivfast.groups import Grid, identity
    >>> grid = Grid.centred(1, 1, stride=8)
    >>> x = np.random.default_rng(0).normal(size=(50, 3, 1, 1))
    >>> s = Statistics(identity(), grid, grid, (3, 3), support=1).update(x, -x[:, [2, 0, 1]])
    >>> matched_permutation(s, signed=True).weight.round(6).tolist()
    [[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    """
    moments = regression("matched_permutation", statistics, 1)
    mean_x, mean_y, xy, yy = (
        part.cpu().numpy() for part in (moments.mean_x, moments.mean_y, moments.xy, moments.yy)
    )
    xx = moments.xx.diagonal().cpu().numpy()
    inputs, outputs = _live(xx, mean_x, moments.count), _live(yy, mean_y, moments.count)
    alive = np.ix_(outputs, inputs)
    spread = np.sqrt(yy[outputs])[:, None] * np.sqrt(xx[inputs])
    correlation = np.zeros(xy.T.shape)
    correlation[alive] = (xy.T[alive] / spread).clip(-1, 1)

    score = np.abs(correlation) if signed else correlation
    row, column = linear_sum_assignment(score[alive], maximize=True)
    row, column = outputs[row], inputs[column]
    found = correlation[row, column]
    entry = np.copysign(1.0, found) if signed else np.ones(len(found))
    if scaled:
        entry = xy[column, row] / xx[column]
        entry = entry if signed else entry.clip(min=0)
    weight, kept = np.zeros(xy.T.shape), np.zeros(len(yy))
    weight[row, column], kept[row] = entry, found
    settings = {
        "signed": bool(signed),
        "scaled": bool(scaled),
        "order": _order(row, column, weight.shape).tolist(),
        "correlation": kept.tolist(),
        "dead": [len(xx) - len(inputs), len(yy) - len(outputs)],
    }
    return shared_map(statistics, moments, 1, "matched_permutation", weight, settings)


def _live(squares: Array, mean: Array, count: int) -> NDArray[np.intp]:
    """The channels that vary, from their centred sums of squares."""
    return np.flatnonzero(squares > _DEAD * (squares.max() + count * np.square(mean)))


def _order(row: NDArray[np.intp], column: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The input of each output: the matched ones, then what is left to what is left."""
    order = np.full(shape[0], -1, dtype=np.int64)
    order[row] = column
    open_rows = np.flatnonzero(order < 0)
    left = np.setdiff1d(np.arange(shape[1]), column)
    pairs = min(len(open_rows), len(left))
    order[open_rows[:pairs]] = left[:pairs]
    return order
