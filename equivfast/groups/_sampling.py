"""Reading an image at other places than its pixels: border rules, exact pixel moves, cubic B-splines.

Everything works on planes (b, h, w) that a `Picture` hands out crop by crop, so that a small window of a
large photograph touches only the pixels it needs.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from equivfast.groups._filters import Blur, coefficient_filter, filtered
from equivfast.groups._pictures import Picture

BORDERS = ("reflect", "zeros", "edge")
_TAPS_AT_ONCE = 1 << 21  # bounds the memory of one block of rows to some 50 MB, whatever the image's size


def move(picture: Picture, rows: Tensor, columns: Tensor, border: str) -> Tensor:
    """Planes (b, len(rows), len(columns)) of whole pixels; rows and columns may lie outside the image."""
    sides = list(zip((rows, columns), picture.size, strict=True))
    picked = [_bounded(places, length, border, 0).round().to(torch.int64) for places, length in sides]
    low = [int(index.min()) for index in picked]
    high = [int(index.max()) + 1 for index in picked]
    planes = picture.crop(low[0], high[0], low[1], high[1])
    planes = planes.index_select(1, picked[0] - low[0]).index_select(2, picked[1] - low[1])
    if border == "zeros":
        outside = [(places < 0) | (places >= length) for places, length in sides]
        planes = planes.masked_fill(outside[0][:, None] | outside[1], 0)
    return planes


def _bounded(places: Tensor, length: int, border: str, reach: int) -> Tensor:
    """Coordinates at which the extended image has the same value, at most `reach` outside the canvas."""
    return _fold(places, length) if border == "reflect" else places.clamp(-reach, length - 1 + reach)


def _fold(places: Tensor, length: int) -> Tensor:
    """Half-sample symmetric reflection: the image continues as its own mirror image in its outer edge."""
    turned = torch.remainder(places + 0.5, 2 * length)
    folded = torch.minimum(turned, 2 * length - turned) - 0.5
    return torch.where((places >= -0.5) & (places <= length - 0.5), places, folded)


def interpolate(
    picture: Picture, to_source: NDArray[np.float64], shape: tuple[int, int], border: str, blur: Blur
) -> Tensor:
    """Planes (b, *shape): the cubic spline through the (blurred) pixels, read at to_source @ (x, y, 1).

    The spline's coefficients come from a symmetric filter cut off where it falls below the dtype's rounding,
    applied tap by tap: linear, differentiable, and independent of how the image was cropped.
    """
    height, width = shape
    kernel = coefficient_filter(blur.variance, torch.finfo(picture.dtype).eps)
    steps, line_weight = blur.line() if blur.line_variance else (np.zeros((1, 2)), np.ones(1))
    radius = len(kernel) - 1
    reach = radius + 3  # this far outside, the edge and zeros rules have become constant
    corners = np.array([(x, y, 1) for x in (0, width - 1) for y in (0, height - 1)]) @ to_source.T
    box = []
    for places, spread, length in zip(corners.T[::-1], np.abs(steps).max(0)[::-1], picture.size, strict=True):
        low, high = _range(places.min() - spread, places.max() + spread, length, border, reach)
        # Two cells of the spline on either side, and one more: rounding may carry a point across by 1e-13.
        box.append((math.floor(low) - 2, math.floor(high) + 3))
    rows, columns = (_whole_numbers(low - radius, high + radius + 1, picture.device) for low, high in box)
    planes = filtered(move(picture, rows, columns, border), kernel)
    if not len(planes):
        return planes.new_zeros((0, *shape))
    # A clone, because a single plane's transpose is contiguous in name only, and embedding_bag then turns slow.
    table = planes.flatten(1).T.clone(memory_format=torch.contiguous_format)
    rows_at_once = max(1, _TAPS_AT_ONCE // (width * 16 * len(steps)))
    blocks = []
    for top in range(0, height, rows_at_once):
        points = _points(to_source, steps, range(top, min(top + rows_at_once, height)), width, picture.device)
        places = [_bounded(p, length, border, reach) for p, length in zip(points, picture.size, strict=True)]
        index, weight = _taps(places, box, torch.from_numpy(line_weight).to(table))
        blocks.append(functional.embedding_bag(index, table, mode="sum", per_sample_weights=weight))
    return torch.cat(blocks).T.unflatten(1, shape)


def _range(low: float, high: float, length: int, border: str, reach: int) -> tuple[float, float]:
    """Where coordinates between low and high can fall once the border rule has brought them back."""
    if border != "reflect":
        bounded = np.clip([low, high], -reach, length - 1 + reach)
        return float(bounded[0]), float(bounded[1])
    first, last = math.floor((low + 0.5) / length), math.floor((high + 0.5) / length)
    ends = _fold(torch.tensor([low, high], dtype=torch.float64), length).tolist()
    # The mirrors in between, by number; the even ones are the canvas's start, and two are all there are to meet.
    crossed = range(first + 1, min(last, first + 2) + 1)
    ends += [-0.5 if mirror % 2 == 0 else length - 0.5 for mirror in crossed]
    return min(ends), max(ends)


def _whole_numbers(start: int, stop: int, device: torch.device) -> Tensor:
    return torch.arange(start, stop, dtype=torch.float64, device=device)


def _points(
    to_source: NDArray[np.float64], steps: NDArray[np.float64], rows: range, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Source row and column, (pixels, k) each: the pixels of these result rows, each with its line."""
    x, y = _whole_numbers(0, width, device), _whole_numbers(rows.start, rows.stop, device)[:, None]
    (a, b, tx), (c, d, ty) = to_source.tolist()
    lines = torch.from_numpy(steps).to(device)
    column = (a * x + b * y + tx).reshape(-1, 1) + lines[:, 0]
    row = (c * x + d * y + ty).reshape(-1, 1) + lines[:, 1]
    return row, column


def _taps(places: list[Tensor], box: list[tuple[int, int]], line_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Places in the table of coefficients and their weights, (pixels, 16 k), for places (pixels, k)."""
    (top, _), (left, right) = box
    row, column = (place.floor() for place in places)
    across = right - left + 1
    first = (row - (top + 1)) * across + (column - (left + 1))  # whole float64 numbers, exact up to 2^53
    four = torch.arange(4, device=first.device)
    index = first.to(torch.int64)[..., None] + (four[:, None] * across + four).flatten()
    down, along = (
        cubic((place - base).to(line_weight)) for place, base in zip(places, (row, column), strict=True)
    )
    weight = (down * line_weight[:, None])[..., :, None] * along[..., None, :]
    return index.flatten(1), weight.flatten(1)


def cubic(t: Tensor) -> Tensor:
    """The four cubic B-spline weights at fraction t, (..., 4)."""
    s = 1 - t
    first, last = s * s * s / 6, t * t * t / 6
    return torch.stack([first, 2 / 3 - t * t + 3 * last, 2 / 3 - s * s + 3 * first, last], dim=-1)
