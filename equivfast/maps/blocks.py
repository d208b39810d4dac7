"""Blocks of the tables of sums, of many regressions side by side."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equivfast.maps.workers import each

# Columns of a Gram matrix that are multiplied together; it is symmetric, so half of the blocks are copies.
_EDGE = 512


def gram(x: Tensor) -> Tensor:
    """x^T x of (..., r, p)."""
    if x.device.type != "cpu":
        return x.mT @ x
    p = x.shape[-1]
    out = torch.from_numpy(np.empty((*x.shape[:-2], p, p)))
    features, tables = (part[None].flatten(0, -3).numpy() for part in (x.mT, out))
    edges = range(0, p, _EDGE)
    corners = [
        (k, down, along) for k in range(len(tables)) for down in edges for along in edges if along <= down
    ]

    def fill(corner: tuple[int, int, int]) -> None:
        k, *starts = corner
        down, along = (slice(start, start + _EDGE) for start in starts)
        # NumPy computes half of a product of an array with its own transpose.
        np.matmul(features[k, down], features[k, along].T, out=tables[k, down, along])
        if down != along:
            tables[k, along, down] = tables[k, down, along].T

    each(fill, corners)
    return out


def read(table: Tensor, of: Tensor | None, down: Tensor, along: Tensor) -> Tensor:
    """table[of, down, along] (..., p, q) for each pair of places down (..., p) and along (..., q)."""
    if table.device.type != "cpu" or of is None:
        at = () if of is None else (of[..., None, None],)
        return table[(*at, down[..., :, None], along[..., None, :])]
    out = torch.from_numpy(np.empty((*down.shape, along.shape[-1])))
    source, found, places = table.numpy(), out.numpy(), (of.tolist(), down.numpy(), along.numpy())

    def take(k: int) -> None:
        number, rows, columns = (part[k] for part in places)
        # Four times faster than one index over both dimensions.
        np.take(source[number].take(rows, 0), columns, 1, out=found[k], mode="clip")

    each(take, range(len(found)))
    return out


def multiply(x: Tensor, y: Tensor, of: Tensor | None, down: Tensor, along: Tensor) -> Tensor:
    """The entries at (down, along) (..., p, q) of x[of]^T y[of], for rows x (..., n, p') and y (..., n, q')."""
    if x.device.type != "cpu" or of is None:
        at = () if of is None else (of[..., None],)
        return x.mT[(*at, down)] @ y.mT[(*at, along)].mT
    out = x.new_empty(*down.shape[:-1], along.shape[-1], down.shape[-1])
    features = x.mT.numpy(), y.mT.numpy()
    found, places = out.numpy(), (of.tolist(), down.numpy(), along.numpy())

    def product(k: int) -> None:
        number, rows, columns = (part[k] for part in places)
        np.matmul(features[1][number].take(columns, 0), features[0][number].take(rows, 0).T, out=found[k])

    each(product, range(len(found)))
    return out.mT
