"""Where to look in photographs: seeded random centres with room around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import overload

import numpy as np

from equivfast.data.folders import Photograph

Place = tuple[int, tuple[float, float]]


@dataclass(frozen=True)
class Windows(Sequence[Place]):
    """A sequence of (photograph's index, (x, y) of the centre in its pixel indices), and who was `left_out`:
    (name, reason) of each photograph that gave no window."""

    places: tuple[Place, ...]
    left_out: tuple[tuple[str, str], ...]

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Place]: ...
    def __getitem__(self, index: int | slice) -> Place | Sequence[Place]:
        return self.places[index]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self.places)


def windows(
    photographs: Sequence[Photograph],
    count: int,
    size: int,
    seed: int,
    reach: float,
    min_contrast: float = 0.0,
) -> Windows:
    """`count` different places where a window can be cut, turned and rescaled out of what a photograph shows.

    Definition The disc of radius `reach` around a centre, and the size x size window itself, touch no
               point beyond the outermost pixel centres. Centres sit on pixels when `size` is odd, between
               them when it is even, so that the window's own pixels are pixels of the photograph. Every
               photograph gives windows in proportion to the number of centres it has; they come grouped
               by photograph, in random order inside it.
    Units      size and reach in pixels; min_contrast is the standard deviation of the window's grey values
               (mean of the channels, 0..255), below which a place is drawn anew: 2 leaves out clear sky and
               black cloth, where the gradient is sensor noise and compression
    Raises     ValueError when no photograph is large enough (naming the size needed) or too few places exist
    >>> from equivfast.data import photographs
    >>> places = windows(photographs(["cat", "china"]), count=3, size=41, seed=0, reach=60)
    >>> [index for index, centre in places]
    [0, 1, 1]
    """
    _check(count, size, reach, min_contrast)
    margin = max(math.ceil(reach - (size - 1) / 2), 0)
    need = size + 2 * margin
    shapes = [photo.image.shape for photo in photographs]
    columns = [max(shape[1] - need + 1, 0) for shape in shapes]
    room = np.array(
        [max(shape[0] - need + 1, 0) * across for shape, across in zip(shapes, columns, strict=True)]
    )
    if room.sum() < count:
        given = f"{int(room.sum())} places in {len(photographs)} photographs for {count} windows"
        needs = f"{need}x{need} pixels for size {size} and reach {reach:g}"
        raise ValueError(f"windows: photographs must have at least {needs}, got {given}")

    def corner(k: int, place: int) -> tuple[int, int]:
        return margin + place % columns[k], margin + place // columns[k]

    def contrasty(k: int, drawn: list[int]) -> list[bool]:
        return _contrasty(photographs[k].image, [corner(k, place) for place in drawn], size, min_contrast)

    chosen = _choose(room, count, np.random.default_rng(seed), contrasty if min_contrast > 0 else None)
    if sum(map(len, chosen)) < count:
        found = sum(map(len, chosen))
        raise ValueError(
            f"windows: min_contrast {min_contrast:g} leaves {found} of the {count} windows asked for"
        )
    half = (size - 1) / 2
    corners = [(k, corner(k, place)) for k, places in enumerate(chosen) for place in places]
    return Windows(
        tuple((k, (left + half, top + half)) for k, (left, top) in corners),
        _unused(photographs, chosen, need),
    )


def _unused(
    photographs: Sequence[Photograph], chosen: list[list[int]], need: int
) -> tuple[tuple[str, str], ...]:
    unused = [photo for photo, places in zip(photographs, chosen, strict=True) if not places]
    sizes = [(photo.name, photo.image.shape[1], photo.image.shape[0]) for photo in unused]
    return tuple(
        (name, f"{w}x{h} pixels, needs {need}x{need}" if min(w, h) < need else "no place was drawn in it")
        for name, w, h in sizes
    )


def _choose(
    room: np.ndarray,
    count: int,
    random: np.random.Generator,
    accept: Callable[[int, list[int]], list[bool]] | None,
) -> list[list[int]]:
    """Accepted places 0..room[k] of each photograph k: `count` in all, fewer when 100 tries each fail."""
    chosen: list[list[int]] = [[] for _ in room]
    tried: list[set[int]] = [set() for _ in room]
    found = tries = 0
    while found < count and tries < 100 * count + 1000:
        untried = room - np.array([len(places) for places in tried])
        if not untried.any():
            break
        for k, quota in enumerate(_shares(min(count - found, int(untried.sum())), untried)):
            drawn = _draw(random, int(room[k]), int(quota), tried[k])
            tried[k].update(drawn)
            tries += len(drawn)
            accepted = drawn if accept is None else list(compress(drawn, accept(k, drawn)))
            chosen[k] += accepted
            found += len(accepted)
    return chosen


def _contrasty(image: np.ndarray, corners: list[tuple[int, int]], size: int, least: float) -> list[bool]:
    """Whether the standard deviation of the grey values reaches `least`, for the window at each corner (x, y).

    The variance from sums over rectangles is right to 1e-10; where it is nearer to the limit than 1e-8, where the
    pixels are not uint8, and where windows are so few that the sums cost more, NumPy's own `std` decides.
    """
    variance, limit = np.full(len(corners), np.nan), least * least
    if corners and image.dtype == np.uint8:
        left, top = np.array(corners).T
        part = image[top.min() : top.max() + size, left.min() : left.max() + size]
        if part.shape[0] * part.shape[1] <= 2 * len(corners) * size**2:
            variance = _variances(part, left - left.min(), top - top.min(), size)

    def plainly(left: int, top: int) -> bool:
        window = image[top : top + size, left : left + size]
        return float(window.reshape(size, size, -1).mean(axis=2).std()) >= least

    sure = np.abs(variance - limit) > 1e-8 * (1 + limit)
    told = zip(sure.tolist(), (variance > limit).tolist(), corners, strict=True)
    return [enough if known else plainly(*corner) for known, enough, corner in told]


def _variances(image: np.ndarray, left: np.ndarray, top: np.ndarray, size: int) -> np.ndarray:
    """Of the grey values of size x size windows, from integral images of the channels' sum and of its square."""
    planes = image.reshape(*image.shape[:2], -1)
    sums = np.zeros((2, image.shape[0] + 1, image.shape[1] + 1), np.int64)
    total = sums[0, 1:, 1:]
    for channel in np.moveaxis(planes, 2, 0):
        total += channel
    np.multiply(total, total, out=sums[1, 1:, 1:])
    np.cumsum(sums, 2, out=sums)
    np.cumsum(sums, 1, out=sums)
    right, bottom = left + size, top + size
    first, second = (
        sums[:, bottom, right] - sums[:, top, right] - sums[:, bottom, left] + sums[:, top, left]
    ) / size**2
    return np.asarray((second - first**2) / planes.shape[2] ** 2)


def _check(count: int, size: int, reach: float, min_contrast: float) -> None:
    if count < 1:
        raise ValueError(f"windows: count must be at least 1, got {count}")
    if size < 1:
        raise ValueError(f"windows: size must be at least 1 pixel, got {size}")
    if not (math.isfinite(reach) and reach >= 0):
        raise ValueError(f"windows: reach must be a radius in pixels, got {reach}")
    if not (math.isfinite(min_contrast) and min_contrast >= 0):
        raise ValueError(f"windows: min_contrast must be 0 or more grey levels, got {min_contrast}")


def _shares(total: int, weights: np.ndarray) -> np.ndarray:
    """`total` divided in proportion to integer weights by largest remainder; no share exceeds its weight."""
    exact = total * weights / weights.sum()
    shares = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: total - int(shares.sum())]] += 1
    return shares


def _draw(random: np.random.Generator, room: int, quota: int, tried: set[int]) -> list[int]:
    """`quota` different untried places: of quota + t different ones, at most t were tried before."""
    if quota == 0:
        return []
    offered = random.choice(room, size=min(room, quota + len(tried)), replace=False)
    return [int(place) for place in offered if int(place) not in tried][:quota]
