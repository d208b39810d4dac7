"""Filters of the sampler: the anti-alias Gaussian and the one from pixels to cubic B-spline coefficients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ive
from torch import Tensor

_POLE = math.sqrt(3) - 2  # of the recursive filter that turns pixels into cubic B-spline coefficients
_CACHED = 1 << 17  # pixels that are filtered together


@dataclass(frozen=True)
class Blur:
    """The anti-alias Gaussian in source pixels: a variance for all directions, and more along one of them."""

    variance: float = 0.0
    line_variance: float = 0.0
    direction: tuple[float, float] = (1.0, 0.0)

    @classmethod
    def of(cls, to_source: NDArray[np.float64]) -> Blur:
        """The low-pass a result pixel stands for (sigma half a pixel), less what a source pixel has already.

        Along a direction in which one result pixel spans s > 1 source pixels the variance is (s^2 - 1) / 4.
        """
        directions, spans, _ = np.linalg.svd(to_source)
        wide, narrow = (max(0.0, (span * span - 1) / 4) for span in spans)
        if wide - narrow < 1e-9:  # a similarity: rounding must not switch the one-directional part on
            return cls(wide)
        return cls(narrow, wide - narrow, (float(directions[0, 0]), float(directions[1, 0])))

    def line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps (k, 2) of (x, y) along the direction, and their weights (k,).

        Samples `step` apart see frequencies 2 pi / step apart as one. The step is such that the one seen for the
        highest in an image, sqrt(2) pi along a diagonal, passes the Gaussian by exp(-8) at most.
        """
        step = 2 * math.pi / (math.sqrt(2) * math.pi + 4 / math.sqrt(self.line_variance))
        weight = _discrete_gaussian(self.line_variance / step**2, 1e-5)
        places = step * (np.arange(len(weight)) - len(weight) // 2)
        return places[:, None] * np.array(self.direction), weight / weight.sum()


def coefficient_filter(variance: float, precision: float) -> list[float]:
    """Half of the symmetric filter pixels -> coefficients of the blurred spline: taps 0, 1, 2, ..., sum 1."""
    radius = math.ceil(math.log(precision) / math.log(-_POLE))
    inverse = _POLE ** np.abs(np.arange(-radius, radius + 1))
    kernel = np.convolve(inverse, _discrete_gaussian(variance, precision))
    kernel /= kernel.sum()
    half: list[float] = kernel[len(kernel) // 2 :].tolist()
    return half


def _discrete_gaussian(variance: float, precision: float) -> NDArray[np.float64]:
    """Lindeberg's Gaussian for sampled signals, exp(-v) I_k(v): of exact variance, however narrow."""
    tail = ive(np.arange(math.ceil(8 * math.sqrt(variance)) + 12), variance)
    half = tail[: int(np.flatnonzero(tail > precision).max()) + 1]
    return np.concatenate([half[:0:-1], half])


def filtered(planes: Tensor, half: list[float]) -> Tensor:
    """Planes (b, h, w) filtered down and across; both lose the filter's radius at both ends.

    A few planes at a time, so that they stay in the cache for all taps: 3 to 6 times faster on large batches.
    """
    some = max(1, _CACHED // max(1, planes[:1].numel()))
    return torch.cat([_along(_along(part, half, 1), half, 2) for part in planes.split(some)])


def _along(planes: Tensor, half: list[float], axis: int) -> Tensor:
    radius = len(half) - 1
    length = planes.shape[axis] - 2 * radius
    total = half[0] * planes.narrow(axis, radius, length)
    for k in range(1, radius + 1):
        pair = planes.narrow(axis, radius - k, length) + planes.narrow(axis, radius + k, length)
        total.add_(pair, alpha=half[k])
    return total
