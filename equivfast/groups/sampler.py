"""Many windows of one photograph, which is filtered once for all of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from equivfast.groups._checks import shown, whole_number
from equivfast.groups._filters import Blur, coefficient_filter, filtered
from equivfast.groups._pictures import Image, Picture
from equivfast.groups._sampling import cubic, move
from equivfast.groups._transform import Transform
from equivfast.groups.warp import window

# Coefficients kept beyond each side of the photograph: the spline's own reach, and one for rounding.
_MARGIN = 4
_AT_ONCE = 16  # windows read together; more leave the cache


class Sampler:
    """Patches of a transformed photograph around many centres, as `window` gives them one by one.

    Shapes     photo NumPy (h, w, c) or (h, w); `windows(centres (n, 2), size, g)` -> float32 torch (n, c, size, size)
    Units      centres (x, y) in pixel indices of the photograph; intensities as they are in it
    Definition that of `window` with border "reflect" and anti-aliasing. The spline's coefficients are computed for
               the whole photograph and kept for the next transformation that smooths it as much: rotations, flips
               and shifts share them.
    Cost       4 bytes a pixel and channel for the coefficients; 16 multiply-adds a sample
    Raises     ValueError as `window`; for centres that are not (n, 2).

    >>> import numpy as np
    >>> from equivfast.groups import rotation
    >>> photo = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    >>> Sampler(photo).windows([(40, 30), (35, 28)], 21, rotation(45)).shape
    torch.Size([2, 3, 21, 21])
    """

    def __init__(self, photo: Image) -> None:
        self.picture = Picture.read("Sampler", "photo", photo)
        self.photo = photo
        self._variance: float | None = None
        self._coefficients = torch.empty(0)

    def windows(self, centres: ArrayLike, size: int, g: Transform) -> Tensor:
        """The size x size patch of g applied to the photograph, around each centre."""
        places = np.asarray(centres, dtype=np.float64)
        if places.ndim != 2 or places.shape[1] != 2:
            raise ValueError(f"Sampler.windows: centres must be (n, 2), got {places.shape}")
        size = whole_number("Sampler.windows", "size", size, 1)
        if not isinstance(g, Transform):
            raise ValueError(f"Sampler.windows: g must be a Transform, got {shown(g)}")
        back = g.inverse()
        rows, columns = np.indices((size, size)).reshape(2, -1) - (size - 1) / 2
        points = back(np.column_stack([columns, rows]))
        blur = Blur.of(back.linear)
        if not len(places) or blur.line_variance or not self._inside(points, places).all():
            return self._one_by_one(places, size, g)
        sources = places[:, None] + points
        if np.isin(back.linear, (-1, 0, 1)).all() and np.abs(sources - np.rint(sources)).max() <= 1e-6:
            patches = self._moved(np.rint(sources).astype(np.int64))
        else:
            parts = (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE))
            patches = torch.cat([self._read(points, part, blur.variance) for part in parts])
        return patches.unflatten(2, (size, size))

    def _one_by_one(self, places: NDArray[np.float64], size: int, g: Transform) -> Tensor:
        channels = 1 if self.photo.ndim == 2 else int(self.photo.shape[2])
        patches = torch.empty(len(places), channels, size, size)
        for patch, (x, y) in zip(patches, places.tolist(), strict=True):
            found = np.asarray(window(self.photo, (x, y), size, g)[0], np.float32)
            patch[:] = torch.from_numpy(found.reshape(size, size, channels)).movedim(2, 0)
        return patches

    def _moved(self, sources: NDArray[np.int64]) -> Tensor:
        """Whole pixels (n, p, 2) of the photograph, bit for bit."""
        picked = torch.from_numpy(np.asarray(self.photo[sources[..., 1], sources[..., 0]], np.float32))
        return picked[:, None] if self.photo.ndim == 2 else picked.movedim(2, 1).contiguous()

    def _inside(self, points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which windows read nothing beyond the photograph's outer pixel centres."""
        height, width = self.picture.size
        low, high = places + points.min(0), places + points.max(0)
        return np.asarray((low >= -1e-6).all(1) & (high <= np.array([width, height]) - 1 + 1e-6).all(1))

    def _spline(self, variance: float) -> Tensor:
        """Coefficients (c, h + 2 margin, w + 2 margin) of the blurred photograph's cubic spline."""
        if self._variance != variance:
            kernel = coefficient_filter(variance, float(np.finfo(np.float32).eps))
            reach = len(kernel) - 1 + _MARGIN
            rows, columns = (
                torch.arange(-reach, length + reach, dtype=torch.float64) for length in self.picture.size
            )
            self._coefficients = filtered(move(self.picture, rows, columns, "reflect"), kernel).float()
            self._variance = variance
        return self._coefficients

    def _read(self, points: NDArray[np.float64], places: NDArray[np.float64], variance: float) -> Tensor:
        """(n, c, points): windows whose centres lie equally between pixels are read with one set of weights."""
        spline = self._spline(variance)
        whole = np.floor(places)
        part = places - whole
        out = torch.empty(len(places), len(spline), len(points))
        for fraction in np.unique(part, axis=0):
            which = np.flatnonzero((part == fraction).all(1))
            index, weight, corner, box = _taps(points + fraction)
            starts = (whole[which][:, ::-1].astype(np.int64) + corner + _MARGIN).tolist()
            pieces = [spline[:, top : top + box[0], left : left + box[1]] for top, left in starts]
            table = torch.stack(pieces).flatten(2).flatten(0, 1).T.contiguous()
            read = functional.embedding_bag(index, table, mode="sum", per_sample_weights=weight)
            out[torch.from_numpy(which)] = read.T.unflatten(0, (len(which), -1))
        return out


def _taps(
    points: NDArray[np.float64],
) -> tuple[Tensor, Tensor, NDArray[np.int64], tuple[int, int]]:
    """For points (x, y) around a centre: taps (p, 16) in the smallest box around them all, and their weights.

    The box's corner (row, column) is counted from the centre; its size is (rows, columns).
    """
    place = points[:, ::-1]
    base = np.floor(place)
    corner = (base.min(0) - 1).astype(np.int64)
    rows, columns = (base.max(0) + 3 - corner).astype(np.int64).tolist()
    down, along = (cubic(torch.from_numpy((place - base)[:, k].copy()).float()) for k in (0, 1))
    first = base.astype(np.int64) - 1 - corner
    four = np.arange(4)
    index = (first[:, :1] + four)[:, :, None] * columns + (first[:, 1:] + four)[:, None, :]
    weight = (down[:, :, None] * along[:, None, :]).flatten(1)
    return torch.from_numpy(index.reshape(len(points), 16)), weight, corner, (rows, columns)
