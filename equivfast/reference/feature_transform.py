"""feature_transform in float64, by loops over taps and filter places (Lenc & Vedaldi 2015, section 2.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gather(x: Array, index: NDArray[np.int64], weight: Array | None) -> Array:
    """(n, c, h, w) -> (n, c, H, W): weighted sum of the k sources of every cell; -1 contributes 0."""
    n, c = x.shape[:2]
    taps = index if index.ndim == 3 else index[..., None]
    weights = (
        np.full(taps.shape, 1 / max(taps.shape[2], 1))
        if weight is None
        else np.asarray(weight, float).reshape(taps.shape)
    )
    flat = x.reshape(n, c, x.shape[2] * x.shape[3])
    out = np.zeros((n, c, *taps.shape[:2]))
    for t in range(taps.shape[2]):
        inside = taps[..., t] >= 0
        values = flat[:, :, taps[..., t][inside]] * weights[..., t][inside]
        out[:, :, inside] += values
    return out


def feature_transform(
    x: Array, index: NDArray[np.int64], mix: Array, weight: Array | None = None, bias: Array | None = None
) -> Array:
    """Gather, then mix: (n, c, h, w) -> (n, d, H, W); mix (d, c) or (d, c, m, m), zero beyond the field."""
    x = np.asarray(x, float)
    filters = np.asarray(mix, float)
    filters = filters[:, :, None, None] if filters.ndim == 2 else filters
    m = filters.shape[2]
    gathered = gather(x, index, weight)
    height, width = gathered.shape[2:]
    padded = np.pad(gathered, ((0, 0), (0, 0), (m // 2, m // 2), (m // 2, m // 2)))
    out = np.zeros((x.shape[0], len(filters), height, width))
    for dy in range(m):
        for dx in range(m):
            out += np.einsum(
                "dc,nchw->ndhw", filters[:, :, dy, dx], padded[:, :, dy : dy + height, dx : dx + width]
            )
    if bias is not None:
        out += np.asarray(bias, float)[:, None, None]
    return out
