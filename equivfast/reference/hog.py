"""HOG in float64: Dalal & Triggs 2005, Felzenszwalb et al. 2010, with VLFeat's and voc-dpm's conventions.

The discrete decisions (strongest channel, orientation bin) and the cosine of bilinear assignment are taken in
float32 by the rule of docs/conventions.md, because they are part of the definition; all else is float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
f32 = np.float32


def unit_vector(num: int, den: int) -> tuple[float, float]:
    """(x, y) at 180 * num / den degrees, reflected from the first octant so that mirror images agree bit for bit."""
    if 2 * num > den:
        x, y = unit_vector(den - num, den)
        return -x, y
    if 4 * num > den:
        y, x = unit_vector(den - 2 * num, 2 * den)
        return x, y
    return float(np.cos(np.pi * num / den)), float(np.sin(np.pi * num / den))


def bin_slopes(n: int, four_digits: bool = False) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boundaries between bins in the first quadrant: tangents of those of at most 45 degrees, cotangents of the others.

    ``four_digits``: as voc-dpm's rounded bin centres imply them.
    """
    if four_digits:
        u, v = np.round([unit_vector(k, n) for k in range(n + 1)], 4).T
        x, y = v[1:] - v[:-1], u[:-1] - u[1:]
    else:
        x, y = np.array([unit_vector(2 * k + 1, 2 * n) for k in range(n)]).T
    quarter = np.arange(n // 2)
    flat, steep = np.split(quarter, [(n // 2 + 1) // 2])
    return (y[flat] / x[flat]).astype(f32), (x[steep] / y[steep]).astype(f32)


def orientation_bin(
    gx: NDArray[np.float32], gy: NDArray[np.float32], n: int, four_digits: bool = False
) -> NDArray[np.int64]:
    """Nearest of 2n bins; on a boundary the lower one of the half plane y >= 0.

    float32 products are exact in float64, and so is the sign of their difference.
    """
    x, y = (a.astype(np.float64) for a in (np.where(gy < 0, -gx, gx), np.abs(gy)))
    flat, steep = (slopes.astype(np.float64) for slopes in bin_slopes(n, four_digits))
    across, beyond, mirrored = np.abs(x), np.zeros(x.shape, np.int64), np.zeros(x.shape, np.int64)
    for excess in [*(y - s * across for s in flat), *(s * y - across for s in steep)]:
        beyond += excess > 0
        mirrored += excess >= 0
    passed = np.where(x < 0, n - mirrored, beyond)
    return (passed + np.where(gy < 0, n, 0)) % (2 * n)


def strongest_gradient(
    image: Array | NDArray[np.float32],
) -> tuple[Array, Array, NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Centred differences (c, h, w) -> (h-2, w-2) of the channel that is longest in float32, first channel on ties;
    the same in float32; that channel.
    """
    dx = image[:, 1:-1, 2:] - image[:, 1:-1, :-2]
    dy = image[:, 2:, 1:-1] - image[:, :-2, 1:-1]
    fx, fy = dx.astype(f32), dy.astype(f32)
    best = np.argmax(fx * fx + fy * fy, 0)[None]
    pick = [np.take_along_axis(a, best, 0)[0] for a in (dx, dy, fx, fy)]
    return pick[0].astype(np.float64), pick[1].astype(np.float64), pick[2], pick[3], best[0]


def second_vote(
    fx: NDArray[np.floating], fy: NDArray[np.floating], nearest: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], Array, NDArray[np.int64]]:
    """Second-nearest bin, its share of the vote (the angle to the nearest bin's centre over the bin width), and on
    which side it lies: 1 or -1, 0 where the share is 0.
    """
    centres = np.array([unit_vector(k, n) for k in range(n + 1)], fx.dtype)
    x, y = np.where(fy < 0, -fx, fx), np.abs(fy)
    folded = np.where(fy < 0, nearest - n, nearest) % (2 * n)
    cx, cy = centres[folded, 0], centres[folded, 1]
    along, across = x * cx + y * cy, y * cx - x * cy
    cosine = np.clip(along / np.maximum(np.sqrt(x * x + y * y), f32(1e-30)), 0, 1)
    share = np.where(across == 0, 0.0, np.arccos(cosine.astype(np.float64)) * n / np.pi)
    return (nearest + np.where(across > 0, 1, -1)) % (2 * n), share, np.sign(across).astype(np.int64)


def cell_shape(h: int, w: int, cell: int, dpm: bool) -> tuple[int, int]:
    """Rows and columns of cells that are computed."""
    rows, columns = ((2 * s + cell) // (2 * cell) if dpm else (s + cell // 2) // cell for s in (h, w))
    return rows, columns


def corners(h: int, w: int, cell: int, dpm: bool) -> Iterator[tuple[Any, Any, Any, Any]]:
    """For each of the four cells around a pixel: the places, among pixels 1 .. h-2, 1 .. w-2, of the gradients that
    vote for it; its row and column; its weight. Only of cells that there are.
    """
    rows, columns = cell_shape(h, w, cell, dpm)
    end_y, end_x = (rows * cell - 1, columns * cell - 1) if dpm else (h - 1, w - 1)
    y, x = np.mgrid[1:end_y, 1:end_x]
    place = np.stack((np.minimum(y, h - 2), np.minimum(x, w - 2))) - 1  # voc-dpm repeats the last gradient
    cy, cx = (y + 0.5) / cell - 0.5, (x + 0.5) / cell - 0.5
    iy, ix = np.floor(cy).astype(int), np.floor(cx).astype(int)
    for r, weight_y in ((iy, 1 - (cy - iy)), (iy + 1, cy - iy)):
        for c, weight_x in ((ix, 1 - (cx - ix)), (ix + 1, cx - ix)):
            inside = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
            yield tuple(place[:, inside]), r[inside], c[inside], (weight_y * weight_x)[inside]


def cells_of(
    image: Array | NDArray[np.float32], cell: int, n: int, bilinear: bool, dpm: bool, smooth: bool = False
) -> Array:
    """Unnormalised directed histograms (2n, rows, columns)."""
    h, w = image.shape[1:]
    histogram = np.zeros((2 * n, *cell_shape(h, w, cell, dpm)))
    if h < 3 or w < 3:
        return histogram
    dx, dy, fx, fy, _ = strongest_gradient(image)
    nearest = orientation_bin(fx, fy, n, four_digits=dpm)
    votes = [(nearest, np.hypot(dx, dy))]
    if bilinear:
        second, share, _ = second_vote(dx if smooth else fx, dy if smooth else fy, nearest, n)
        votes = [(nearest, votes[0][1] * (1 - share)), (second, votes[0][1] * share)]
    for place, r, c, weight in corners(h, w, cell, dpm):
        for bins, length in votes:
            np.add.at(histogram, (bins[place], r, c), length[place] * weight)
    return histogram


def normalise(histogram: Array, variant: str) -> Array:
    """Clipped block normalisation: (2n, rows, columns) -> (d, rows, columns)."""
    n = len(histogram) // 2
    undirected = histogram[:n] + histogram[n:]
    energy = np.pad((undirected**2).sum(0), 1, mode="edge")
    inverse = 1 / np.sqrt(energy[:-1, :-1] + energy[:-1, 1:] + energy[1:, :-1] + energy[1:, 1:] + 1e-4)
    blocks = [inverse[:-1, :-1], inverse[:-1, 1:], inverse[1:, :-1], inverse[1:, 1:]]  # TL TR BL BR
    if variant == "dalal-triggs":
        return np.concatenate([np.minimum(undirected * block, 0.2) for block in blocks])
    if variant == "dpm":
        blocks = [blocks[3], blocks[1], blocks[2], blocks[0]]
    directed = np.array([np.minimum(histogram * block, 0.2) for block in blocks])
    folded = np.array([np.minimum(undirected * block, 0.2) for block in blocks])
    texture = 0.2357 * directed.sum(1) if variant == "dpm" else folded.sum(1) / np.sqrt(18)
    return np.concatenate([0.5 * directed.sum(0), 0.5 * folded.sum(0), texture])


def hog(
    image: NDArray[np.generic],
    cell: int = 8,
    orientations: int = 9,
    variant: str = "uoctti",
    assignment: str = "nearest",
    smooth: bool = False,
) -> Array:
    """HOG of one image (c, h, w) -> (d, H, W) in float64.

    Shapes     as equivfast.hog without the batch; uint8 and float32 images are read as float32 gradients
    smooth     takes the cosine of bilinear assignment in float64: not the definition, but without the steps of
               float32, as finite differences need it
    Source     VLFeat 0.9.21 hog.c, voc-dpm features.cc
    """
    pixels: Array | NDArray[np.float32] = (
        np.asarray(image, np.float64) if image.dtype == np.float64 else np.asarray(image, f32)
    )
    dpm = variant == "dpm"
    out = normalise(cells_of(pixels, cell, orientations, assignment == "bilinear", dpm, smooth), variant)
    return out[:, 1:-1, 1:-1] if dpm else out
