"""Where exactly: a pose is moved until the image, looked at through it, has the features of the example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, grid_sample

from equivfast.pose.refine import parabola
from equivfast.representations import HOG

Array = NDArray[np.float64]

# Changes of a pose, (x, y) of the example's middle in working pixels, then generators of linear maps of the example's
# plane: a turn, a scaling, and two that stretch, for sets of poses that do.
_GENERATORS = np.array([[[0, 1], [-1, 0]], [[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]]], np.float64)
_FIRST_STEPS = np.array([3.0, 3.0, 0.1, 0.07, 0.06, 0.06])
_SHRINK = (1.0, 0.5, 0.25, 0.25)
_AT_ONCE = 64  # patches looked at together


@dataclass(frozen=True, eq=False)
class Example:
    """What is looked for: features of the upright example, less the background's mean, on a patch of working pixels.

    Shapes     deviation (d, rows, columns), of a patch of `pixels` (height, width); `scale`: working pixels over pixels
               of the example
    """

    deviation: torch.Tensor
    mean: torch.Tensor
    pixels: tuple[int, int]
    scale: float
    phi: HOG

    def similarity(self, patches: torch.Tensor) -> Array:
        """Cosine of each patch's features (n, c, height, width) with the example's, both less the mean; -1..1."""
        field = self.phi(patches) - self.mean[:, None, None]
        dots = (field * self.deviation).flatten(1).sum(1)
        lengths = field.flatten(1).norm(dim=1) * self.deviation.norm()
        found: Array = torch.where(lengths > 0, dots / lengths.clamp(min=1e-12), 0).double().numpy()
        return found


class Photo:
    """An image that is read through poses: halved again and again, so that every reading has a level of about its scale.

    Shapes     planes (1, c, h, w) float32
    """

    def __init__(self, planes: torch.Tensor) -> None:
        self.levels = [planes]
        self.corner = (np.array(planes.shape[:1:-1]) - 1) / 2  # the canvas centre in pixel indices (x, y)

    def patches(self, places: Array, linears: Array, pixels: tuple[int, int]) -> torch.Tensor:
        """(n, c, height, width): pixel p of patch k, from its middle, is the image at places[k] + linears[k] p.

        Units      places (n, 2): pixels from the canvas centre; beyond the image stands its edge
        """
        found = [
            self._read(place, linear, pixels) for place, linear in zip(places, linears, strict=True)
        ]
        return torch.cat(found)

    def _read(self, place: Array, linear: Array, pixels: tuple[int, int]) -> torch.Tensor:
        """One patch, from the part of the image that it looks at."""
        height, width = pixels
        level = max(0, round(float(np.log2(max(np.sqrt(abs(np.linalg.det(linear))), 1e-6)) - 0.25)))
        planes, step = self._level(level)
        scale = 1 / step
        middle = (place + self.corner + 0.5) * scale - 0.5
        toward = torch.from_numpy(np.ascontiguousarray(linear * scale)).float()
        x = torch.arange(width, dtype=torch.float32) - (width - 1) / 2
        y = torch.arange(height, dtype=torch.float32) - (height - 1) / 2
        across = toward[:, 0, None, None] * x + toward[:, 1, None, None] * y[:, None]  # (2, height, width)
        at = across + torch.from_numpy(middle).float()[:, None, None]
        size = torch.tensor(planes.shape[:1:-1])[:, None, None]
        unit = (2 * at + 1) / size - 1
        return grid_sample(
            planes, unit.movedim(0, 2)[None], mode="bicubic", padding_mode="border", align_corners=False
        )

    def _level(self, level: int) -> tuple[torch.Tensor, float]:
        """The image halved `level` times (less often where it is too small), and pixels of the image to one of it."""
        while len(self.levels) <= level and min(self.levels[-1].shape[2:]) >= 4:
            height, width = self.levels[-1].shape[2:]
            even = self.levels[-1][:, :, : height - height % 2, : width - width % 2]
            self.levels.append(avg_pool2d(even, 2))
        level = min(level, len(self.levels) - 1)
        return self.levels[level], 2.0**level


def similarities(example: Example, photo: Photo, places: Array, linears: Array) -> Array:
    """The example's similarity to the image through each pose: places (n, 2), linears (n, 2, 2) from the example's
    pixels to the image's."""
    found = [
        example.similarity(
            photo.patches(places[start : start + _AT_ONCE], linears[start : start + _AT_ONCE] / example.scale, example.pixels)
        )
        for start in range(0, len(places), _AT_ONCE)
    ]
    return np.concatenate(found) if found else np.zeros(0)


def aligned(
    example: Example, photo: Photo, places: Array, linears: Array, stretched: bool
) -> tuple[Array, Array, Array]:
    """Better places and linear maps than these, and their similarities.

    Definition four rounds, each with half the steps of the one before, then a quarter: every parameter goes to the
               vertex of the parabola through its value and two steps aside, or a step uphill where there is no peak.
               Of all that was looked at, the best stays. `stretched`: stretching is a parameter, too
    """
    places, linears = places.copy(), linears.copy()
    best = similarities(example, photo, places, linears)
    count = 6 if stretched else 4
    for share in _SHRINK:
        steps = _FIRST_STEPS[:count] * share
        change = np.zeros((len(places), count))
        aside = {}
        for sign in (-1, 1):
            for k in range(count):
                one = np.zeros((len(places), count))
                one[:, k] = sign * steps[k]
                aside[sign, k] = similarities(example, photo, *_moved(places, linears, one, example.scale))
        for k in range(count):
            left, right = aside[-1, k], aside[1, k]
            peak = (best >= left) & (best >= right)
            uphill = np.where(right > left, 1.0, -1.0)
            change[:, k] = steps[k] * np.where(peak, parabola(left, best, right), uphill)
        tried = _moved(places, linears, change, example.scale)
        values = similarities(example, photo, *tried)
        better = values > best
        places, linears = (
            np.where(better[:, None], tried[0], places),
            np.where(better[:, None, None], tried[1], linears),
        )
        best = np.maximum(best, values)
    return places, linears, best


def _moved(places: Array, linears: Array, change: Array, scale: float) -> tuple[Array, Array]:
    """The poses after a change (n, 4 or 6): moved along the example's axes, then turned, scaled and stretched."""
    shift = np.einsum("nij,nj->ni", linears, change[:, :2]) / scale
    linear = np.tensordot(change[:, 2:], _GENERATORS[: change.shape[1] - 2], 1)
    return places + shift, linears @ _exponential(linear)


def _exponential(matrices: Array) -> Array:
    """exp of small 2 x 2 matrices (n, 2, 2), by its series."""
    found = power = np.broadcast_to(np.eye(2), matrices.shape)
    for k in range(1, 8):
        power = power @ matrices / k
        found = found + power
    return found


def placed(found: Sequence[tuple[float, float]]) -> Array:
    """(n, 2) of the places, also of none."""
    return np.array(found, np.float64).reshape(-1, 2)
