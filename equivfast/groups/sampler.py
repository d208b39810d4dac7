"""Many windows of one photograph, which is filtered once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
# Windows read together: few leave the weights unused, a table of more than some 4 MB leaves the cache.
_AT_ONCE = 16
_TABLE_BYTES = 1 << 22
_EXACT = 1e-6  # source points this near to pixel centres are those pixels
# What reading needs of g alone takes 200 bytes a point; it is not kept of larger windows.
_KEPT_POINTS = 1 << 16


Fraction = tuple[float, float]  # how far (x, y) a centre lies beyond the pixel before it


class Sampler:
    """Patches of a transformed photograph around many centres, as `window` gives them one by one.

    Shapes     photo NumPy (h, w, c) or (h, w); `windows(centres (n, 2), size, g)` -> float32 torch (n, c, size, size)
    Units      centres (x, y) in pixel indices of the photograph; intensities as they are in it
    Definition that of `window` with border "reflect" and anti-aliasing. The spline's coefficients are computed for
               the whole photograph and kept for the next transformation that smooths it as much: rotations, flips
               and shifts share them.
    Cost       16 bytes a pixel (4 where there is one channel) for the coefficients; 16 multiply-adds a sample. What
               depends on g, the size and the centre's place between pixels alone is kept, for the last few, by all
               samplers together: centres that lie equally between pixels cost least.
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
        self.channels = 1 if photo.ndim == 2 else int(photo.shape[2])
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
        source = (_source if size * size <= _KEPT_POINTS else _source.__wrapped__)(g, size)
        if not len(places) or source.one_directional or not self._inside(source, places).all():
            return self._one_by_one(places, size, g)
        whole = np.floor(places)
        # Windows whose centres lie equally between pixels are read with one set of weights.
        alike: dict[Fraction, list[int]] = {}
        for k, (x, y) in enumerate((places - whole).tolist()):
            alike.setdefault((x, y), []).append(k)
        patches = []
        for fraction, which in alike.items():
            read = self._moved if source.moves_pixels(fraction) else self._read
            patches.append(read(source, whole[which].astype(np.int64), fraction))
        if len(patches) == 1:
            return patches[0]
        order = np.argsort(np.concatenate(list(alike.values())))
        return torch.cat(patches)[torch.from_numpy(order)]

    def _one_by_one(self, places: NDArray[np.float64], size: int, g: Transform) -> Tensor:
        patches = torch.empty(len(places), self.channels, size, size)
        for patch, (x, y) in zip(patches, places.tolist(), strict=True):
            found = np.asarray(window(self.photo, (x, y), size, g)[0], np.float32)
            patch[:] = torch.from_numpy(found.reshape(size, size, self.channels)).movedim(2, 0)
        return patches

    def _moved(self, source: _Source, whole: NDArray[np.int64], fraction: Fraction) -> Tensor:
        """(n, c, size, size): whole pixels of the photograph, bit for bit, turned or mirrored."""
        photo, size = np.atleast_3d(self.photo), source.size
        across, down = source.linear.sum(0).astype(np.int64)  # 1 or -1: along the photograph or against it
        out = np.empty((len(whole), self.channels, size, size), np.float32)
        first = np.rint(source.low + np.array(fraction)).astype(np.int64)
        for patch, (left, top) in zip(out, (whole + first).tolist(), strict=True):
            block = photo[top : top + size, left : left + size]
            block = block if source.linear[0, 0] else block.swapaxes(0, 1)
            patch[...] = block[::down, ::across].transpose(2, 0, 1)
        return torch.from_numpy(out)

    def _inside(self, source: _Source, places: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which windows read nothing beyond the photograph's outer pixel centres."""
        height, width = self.picture.size
        low, high = places + source.low, places + source.high
        beyond = np.array([width, height]) - 1 + _EXACT
        return np.asarray((low >= -_EXACT).all(1) & (high <= beyond).all(1))

    def _spline(self, variance: float) -> Tensor:
        """Coefficients of the blurred photograph's cubic spline, (h + 2 margin, w + 2 margin, k) of `_pixels`."""
        if self._variance != variance:
            kernel = coefficient_filter(variance, float(np.finfo(np.float32).eps))
            reach = len(kernel) - 1 + _MARGIN
            rows, columns = (
                torch.arange(-reach, length + reach, dtype=torch.float64) for length in self.picture.size
            )
            self._coefficients = _pixels(
                filtered(move(self.picture, rows, columns, "reflect"), kernel).float()
            )
            self._variance = variance
        return self._coefficients

    def _read(self, source: _Source, whole: NDArray[np.int64], fraction: Fraction) -> Tensor:
        """(n, c, size, size): the coefficients of some windows side by side, weighted and summed together."""
        spline, size = self._spline(source.variance), source.size
        taps = _taps if size * size <= _KEPT_POINTS else _taps.__wrapped__
        index, weight, corner, (rows, columns) = taps(source, fraction)
        at_once = _TABLE_BYTES // (rows * columns * spline.shape[2] * spline.element_size())
        at_once = max(1, min(at_once, _AT_ONCE))
        patches = torch.empty(len(whole), self.channels, size, size)
        starts = (whole[:, ::-1] + corner + _MARGIN).tolist()
        for start in range(0, len(whole), at_once):
            some = starts[start : start + at_once]
            pieces = [spline[top : top + rows, left : left + columns] for top, left in some]
            table = _floats(torch.stack(pieces, 2)).flatten(2).flatten(0, 1)
            read = functional.embedding_bag(index, table, mode="sum", per_sample_weights=weight)
            planes = read.view(size, size, len(some), -1)[..., : self.channels]
            patches[start : start + len(some)] = planes.permute(2, 3, 0, 1)
        return patches


def _pixels(planes: Tensor) -> Tensor:
    """Planes (c, h, w) as (h, w, k), channels side by side: k elements of 4 channels each, copied as one number."""
    if len(planes) == 1:
        return planes[0, :, :, None]
    channels, height, width = planes.shape
    pixels = torch.zeros(height, width, 4 * -(-max(channels, 1) // 4))
    pixels[..., :channels] = planes.movedim(0, 2)
    return torch.view_as_complex(pixels.view(torch.float64).unflatten(2, (-1, 2)))


def _floats(pixels: Tensor) -> Tensor:
    """The channels (..., 4 k) of elements (..., k) that `_pixels` made; views, as there."""
    return torch.view_as_real(pixels).flatten(-2).view(torch.float32) if pixels.is_complex() else pixels


@dataclass(frozen=True, eq=False)
class _Source:
    """Where the pixels of a size x size window come from: what does not depend on the photograph."""

    size: int
    linear: NDArray[np.float64]  # of g's inverse
    points: NDArray[np.float64]  # (size^2, 2) of (x, y) around the centre
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    variance: float
    one_directional: bool

    def moves_pixels(self, fraction: Fraction) -> bool:
        """Whether windows whose centres lie `fraction` beyond a pixel take whole pixels, one for one."""
        entries, place = np.abs(self.linear), self.low + np.array(fraction)
        permutes = np.array_equal(entries, np.eye(2)) or np.array_equal(entries, np.eye(2)[::-1])
        return bool(permutes and np.abs(place - np.rint(place)).max() <= _EXACT)


@lru_cache(maxsize=4)
def _source(g: Transform, size: int) -> _Source:
    back = g.inverse()
    rows, columns = np.indices((size, size)).reshape(2, -1) - (size - 1) / 2
    points = back(np.column_stack([columns, rows]))
    blur = Blur.of(back.linear)
    # Rounding may leave a turn a variance of 1e-16, for which the photograph would be filtered anew.
    variance = blur.variance if blur.variance > 1e-9 else 0.0
    one_directional = bool(blur.line_variance)
    return _Source(size, back.linear, points, points.min(0), points.max(0), variance, one_directional)


@lru_cache(maxsize=4)
def _taps(source: _Source, fraction: Fraction) -> tuple[Tensor, Tensor, NDArray[np.int64], tuple[int, int]]:
    """For the points of a window whose centre lies `fraction` beyond a pixel: taps (p, 16) in the smallest box around
    them all, and their weights.

    The box's corner (row, column) is counted from that pixel; its size is (rows, columns).
    """
    place = (source.points + np.array(fraction))[:, ::-1]
    base = np.floor(place)
    corner = (base.min(0) - 1).astype(np.int64)
    rows, columns = (base.max(0) + 3 - corner).astype(np.int64).tolist()
    down, along = (cubic(torch.from_numpy((place - base)[:, k].copy()).float()) for k in (0, 1))
    first = base.astype(np.int64) - 1 - corner
    four = np.arange(4)
    index = (first[:, :1] + four)[:, :, None] * columns + (first[:, 1:] + four)[:, None, :]
    weight = (down[:, :, None] * along[:, None, :]).flatten(1)
    return torch.from_numpy(index.reshape(len(place), 16)), weight, corner, (rows, columns)
