"""The oracle's answers on large banks, in less time: a matrix product tells which poses can win, the oracle decides.

Both are float64 sums of N exact products, added in some order, and so within gamma = N u / (1 - N u) times the sum of
the products' sizes of the sum itself, u = 2^-53 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1;
fused or not, whatever the order). By Cauchy and Schwarz the sizes add up to at most |template| |window|. One more
addition for the bias is one more rounding. So the two differ by at most 2 gamma (|template| |window| + |bias|); what
the product puts further below the best than both their differences cannot be the oracle's best.
"""

from __future__ import annotations

import numpy as np

from equivfast.reference.pose_argmax import PoseResult, scores_at

Array = np.ndarray


def certified(field: Array, templates: Array, bias: Array | None = None) -> tuple[PoseResult, PoseResult]:
    """The oracle's best pose of every position (1, H', W'), and its best (pose, y, x) of the image (1, 1)."""
    g, c, kh, kw = templates.shape
    windows = np.lib.stride_tricks.sliding_window_view(field.astype(float), (kh, kw), (1, 2))
    height, width = windows.shape[1:3]
    rows = windows.transpose(1, 2, 0, 3, 4).reshape(height * width, c * kh * kw)
    w = templates.astype(float).reshape(g, -1)
    added = np.zeros(g) if bias is None else bias.astype(float)
    terms = c * kh * kw + 2
    gamma = 1.001 * terms * 2.0**-53  # the lengths are rounded as well
    lengths = np.linalg.norm(w, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
    apart = 2 * gamma * (lengths + np.abs(added)[:, None])
    scores = w @ rows.T + added[:, None]
    pose, place = np.nonzero(scores + apart >= (scores - apart).max(0))
    y, x = np.divmod(place, width)
    exact = scores_at(field, templates, (pose, y, x), bias)
    # Best first, then the lowest pose: the first of every position is its winner.
    order = np.lexsort((pose, -exact, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    places = (part[first].reshape(1, height, width) for part in (exact, pose, y, x))
    # The image's best is the best of a position.
    best = first[np.lexsort((x[first], y[first], pose[first], -exact[first]))[:1]]
    return PoseResult(*places), PoseResult(*(part[best][None] for part in (exact, pose, y, x)))
