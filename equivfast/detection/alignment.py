"""Where exactly: a pose is moved until the image, looked at through it, has the features of the example."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, grid_sample

from equivfast.detection.example import Example
from equivfast.pose.refine import parabola

Array = NDArray[np.float64]

# Changes of a pose, (x, y) of the example's middle in working pixels, then generators of linear maps of the example's
# plane: a turn, a scaling, and two that stretch, for sets of poses that do.
_GENERATORS = np.array([[[0, 1], [-1, 0]], [[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]]], np.float64)
_FIRST_STEPS = np.array([3.0, 3.0, 0.1, 0.07, 0.06, 0.06])
# Shares of these steps, from round to round: first towards the place, then into it.
COARSE, FINE = (1.0, 0.6), (0.4, 0.25, 0.15)
_AT_ONCE = 64  # patches looked at together: some 5 MB of pixels


class Photo:
    """An image that is read through poses: halved again and again, so that a level of about the scale is read.

    Shapes     planes (1, c, h, w), float32 or uint8. Several threads may read it
    """

    def __init__(self, planes: torch.Tensor) -> None:
        self.planes = planes
        self.levels: list[torch.Tensor] = []
        self._lock = Lock()
        self.corner = (np.array(planes.shape[:1:-1]) - 1) / 2  # the canvas centre in pixel indices (x, y)

    def patches(self, places: Array, linears: Array, pixels: tuple[int, int]) -> torch.Tensor:
        """(n, c, height, width): pixel p of patch k, from its middle, is the image at places[k] + linears[k] p.

        Units      places (n, 2): pixels from the canvas centre; beyond the image stands its edge
        """
        sizes = np.sqrt(np.abs(np.linalg.det(linears))).clip(1e-6, 1e6)
        levels = np.maximum(np.rint(np.log2(sizes) - 0.25), 0).astype(int)
        found = torch.empty(len(places), self.planes.shape[1], *pixels)
        for level in np.unique(levels).tolist():
            which = np.flatnonzero(levels == level)
            found[torch.from_numpy(which)] = self._read(level, places[which], linears[which], pixels)
        return found

    def _read(self, level: int, places: Array, linears: Array, pixels: tuple[int, int]) -> torch.Tensor:
        """Patches of one level, read as one tall picture."""
        height, width = pixels
        planes, step = self._level(level)
        size = np.array(planes.shape[:1:-1])
        middle = (places + self.corner + 0.5) / step - 0.5
        # To the units of grid_sample: the canvas reaches from -1 to 1.
        toward = torch.from_numpy(linears / step * 2 / size[:, None]).float()
        start = torch.from_numpy((2 * middle + 1) / size - 1).float()
        x = torch.arange(width, dtype=torch.float32) - (width - 1) / 2
        y = torch.arange(height, dtype=torch.float32) - (height - 1) / 2
        rows = start[:, None] + toward[:, None, :, 1] * y[:, None]  # (n, height, 2)
        unit = rows[:, :, None] + toward[:, None, None, :, 0] * x[:, None]
        read = grid_sample(
            planes, unit.flatten(0, 1)[None], mode="bilinear", padding_mode="border", align_corners=False
        )
        return read[0].unflatten(1, (len(places), height)).movedim(1, 0)

    def _level(self, level: int) -> tuple[torch.Tensor, float]:
        """The image halved `level` times (less often where it is too small), and pixels of the image to one of it."""
        with self._lock:
            if not self.levels:
                self.levels.append(self.planes.float())
            while len(self.levels) <= level and min(self.levels[-1].shape[2:]) >= 4:
                height, width = self.levels[-1].shape[2:]
                even = self.levels[-1][:, :, : height - height % 2, : width - width % 2]
                self.levels.append(avg_pool2d(even, 2))
        level = min(level, len(self.levels) - 1)
        return self.levels[level], 2.0**level


def similarities(example: Example, photo: Photo, places: Array, linears: Array) -> Array:
    """The example's similarity to the image through each pose: places (n, 2), linears (n, 2, 2) from the example's
    pixels to the image's."""
    return _looked(example.similarity, example, photo, places, linears)


def scores(example: Example, photo: Photo, places: Array, linears: Array) -> Array:
    """The example's score in the image through each pose."""
    return _looked(example.score, example, photo, places, linears)


def _looked(
    judge: Callable[[torch.Tensor], Array], example: Example, photo: Photo, places: Array, linears: Array
) -> Array:
    found = [
        judge(photo.patches(places[some], linears[some] / example.scale, example.pixels))
        for some in (slice(start, start + _AT_ONCE) for start in range(0, len(places), _AT_ONCE))
    ]
    return np.concatenate(found) if found else np.zeros(0)


def aligned(
    example: Example,
    photo: Photo,
    places: Array,
    linears: Array,
    stretched: bool,
    rounds: tuple[float, ...] = (*COARSE, *FINE),
) -> tuple[Array, Array, Array]:
    """Better places and linear maps than these, and their similarities, in the order given.

    Definition in rounds, with these shares of the first steps, every parameter goes to the vertex of the parabola
               through its value and two steps aside, or a step uphill where there is no peak. What is better after
               that stays. `stretched`: stretching is a parameter, too
    """
    best = similarities(example, photo, places, linears)
    for share in rounds:
        steps = _FIRST_STEPS[: 6 if stretched else 4] * share
        change = _uphill(example, photo, places, linears, best, steps)
        tried = _moved(places, linears, change, example.scale)
        values = similarities(example, photo, *tried)
        better = values > best
        places = np.where(better[:, None], tried[0], places)
        linears = np.where(better[:, None, None], tried[1], linears)
        best = np.maximum(best, values)
    return places, linears, best


def _uphill(
    example: Example, photo: Photo, places: Array, linears: Array, best: Array, steps: Array
) -> Array:
    """How every parameter should change, (n, parameters), from what lies a step aside."""
    n, count = len(places), len(steps)
    aside = np.zeros((2, count, n, count))
    for k in range(count):
        aside[0, k, :, k], aside[1, k, :, k] = -steps[k], steps[k]
    repeated = (np.tile(places, (2 * count, 1)), np.tile(linears, (2 * count, 1, 1)))
    moved = _moved(*repeated, aside.reshape(-1, count), example.scale)
    left, right = similarities(example, photo, *moved).reshape(2, count, n)
    peak = (best >= left) & (best >= right)
    change = np.where(peak, parabola(left, best, right), np.where(right > left, 1.0, -1.0))
    return np.asarray((change * steps[:, None]).T)


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
