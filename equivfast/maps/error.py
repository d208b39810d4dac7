"""Distances between a predicted field and the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Cells whose channels sum to less have no energy.
EMPTY = 1e-4


def hellinger(p: Any, q: Any) -> NDArray[np.float64]:
    """The Hellinger distance of each cell, its channels read as a histogram.

    Shapes     p, q (n, d, H, W) or (d, H, W), torch or NumPy -> float64 (n, H, W) or (H, W); `.mean()` is the error
               that the studies quote
    Units      0 (same histogram) to 1 (no channel in common)
    Definition channels below 0 are set to 0, each cell is divided by its sum, sqrt(1/2 sum (sqrt p - sqrt q)^2).
               A cell without energy (the sum is at most 1e-4) has no histogram: its distance is 0 from another such
               cell and 1 from any other. HOG cells that see a single pixel one grey level off sum to 0.5 and more,
               flat ones to 0, and there the rounding of a learned map leaves 1e-7.
    Source     Lenc & Vedaldi 2015, section 3.1. The square root amplifies rounding: an error of 1e-6 in a channel near
               0 becomes 1e-3, so exactness is shown by the largest difference, not by a distance of 0.
    Raises     ValueError when p and q differ in shape, are not fields, or hold NaN or infinity.

    >>> hellinger(np.array([[[1.0]], [[3.0]]]), np.array([[[2.0]], [[6.0]]])).tolist()
    [[0.0]]
    """
    a, b = _fields("hellinger", p, q)
    a, b = (np.clip(v, 0, None) for v in (a, b))
    total_a, total_b = a.sum(-3, keepdims=True), b.sum(-3, keepdims=True)
    full_a, full_b = total_a > EMPTY, total_b > EMPTY
    root_a = np.sqrt(np.divide(a, total_a, out=np.zeros_like(a), where=full_a))
    root_b = np.sqrt(np.divide(b, total_b, out=np.zeros_like(b), where=full_b))
    distance = np.sqrt(np.square(root_a - root_b).sum(-3) / 2).clip(max=1)
    lonely = np.squeeze(full_a != full_b, -3)
    return np.asarray(np.where(lonely, 1.0, distance))


def relative_l2(p: Any, q: Any) -> float:
    """|p - q| / |q| over the whole array: 0 for equal fields, 1 for a prediction of zeros.

    Shapes     p, q (n, d, H, W) or (d, H, W)
    Definition where q is zero throughout: 0 if p is, otherwise infinity.

    >>> relative_l2(np.full((1, 1, 2), 3.0), np.full((1, 1, 2), 2.0))
    0.5
    """
    a, b = _fields("relative_l2", p, q)
    size, difference = float(np.linalg.norm(b)), float(np.linalg.norm(a - b))
    if size == 0:
        return 0.0 if difference == 0 else float("inf")
    return difference / size


def clipped_share(p: Any) -> float:
    """The share of absolute value that `hellinger` sets to 0: sum of |negative entries| / sum of |entries|.

    A linear map may predict negative features where none exist; a large share says that the Hellinger distance judges
    something else than what was predicted. Fields of zeros, and empty ones, have share 0.

    >>> clipped_share(np.array([[[-1.0, 3.0]]]))
    0.25
    """
    a, _ = _fields("clipped_share", p, p)
    total = float(np.abs(a).sum())
    return float(np.maximum(-a, 0).sum()) / total if total else 0.0


def _fields(function: str, p: Any, q: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    arrays = []
    for name, value in (("p", p), ("q", q)):
        raw = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if raw.ndim not in (3, 4) or raw.dtype.kind not in "fiu":
            raise ValueError(
                f"{function}: {name} must be numbers (n, d, H, W) or (d, H, W), got {raw.dtype} {raw.shape}"
            )
        if not np.isfinite(raw).all():
            raise ValueError(f"{function}: {name} must be finite, got NaN or infinity")
        arrays.append(raw.astype(np.float64))
    if arrays[0].shape != arrays[1].shape:
        raise ValueError(
            f"{function}: p and q must have one shape, got {arrays[0].shape} and {arrays[1].shape}"
        )
    return arrays[0], arrays[1]
