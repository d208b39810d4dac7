"""The gradient of HOG in float64: the chain rule through equivfast/reference/hog.py, from its end to its beginning.

Which channel, which bin and what is clipped count as constants. A gradient of length 0 has derivative 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equivfast.reference.hog import (
    Array,
    cells_of,
    corners,
    orientation_bin,
    second_vote,
    strongest_gradient,
)


def quotient_gradient(value: Array, inverse: Array, grad: Array) -> tuple[Array, Array]:
    """Of min(0.2, value * inverse), with respect to value and inverse."""
    passed = np.where(value * inverse > 0.2, 0.0, grad)
    return passed * inverse, passed * value


def normalise_gradient(histogram: Array, variant: str, grad: Array) -> Array:
    """(d, rows, columns) -> (2n, rows, columns): of sum(grad * normalise(histogram, variant))."""
    n = len(histogram) // 2
    rows, columns = histogram.shape[1:]
    undirected = histogram[:n] + histogram[n:]
    energy = np.pad((undirected**2).sum(0), 1, mode="edge")
    inverse = 1 / np.sqrt(energy[:-1, :-1] + energy[:-1, 1:] + energy[1:, :-1] + energy[1:, 1:] + 1e-4)
    grad_inverse = np.zeros_like(inverse)
    grad_directed, grad_undirected = np.zeros_like(histogram), np.zeros_like(undirected)
    for q, (down, right) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):  # TL TR BL BR
        block = slice(down, down + rows), slice(right, right + columns)
        if variant == "dalal-triggs":
            to_directed, to_undirected = np.zeros_like(histogram), grad[q * n : (q + 1) * n]
        else:
            texture = grad[3 * n + (3 - q if variant == "dpm" and q in (0, 3) else q)]
            to_directed, to_undirected = 0.5 * grad[: 2 * n], 0.5 * grad[2 * n : 3 * n]
            if variant == "dpm":
                to_directed = to_directed + 0.2357 * texture
            else:
                to_undirected = to_undirected + texture / np.sqrt(18)
        for value, to, total in (
            (histogram, to_directed, grad_directed),
            (undirected, to_undirected, grad_undirected),
        ):
            to_value, to_inverse = quotient_gradient(value, inverse[block], to)
            total += to_value
            grad_inverse[block] += to_inverse.sum(0)
    to_block = -0.5 * inverse**3 * grad_inverse
    to_energy = np.zeros_like(energy)
    for down, right in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        to_energy[down : down + rows + 1, right : right + columns + 1] += to_block
    y, x = (np.clip(np.arange(size + 2) - 1, 0, size - 1) for size in (rows, columns))
    folded = np.zeros((rows, columns))  # copies outside belong to the cells at the edge
    np.add.at(folded, (y[:, None], x[None]), to_energy)
    grad_undirected += 2 * undirected * folded
    return grad_directed + np.concatenate([grad_undirected, grad_undirected])


def votes_gradient(
    image: Array | NDArray[np.float32],
    cell: int,
    n: int,
    bilinear: bool,
    dpm: bool,
    grad: Array,
    smooth: bool,
) -> Array:
    """(2n, rows, columns) -> (c, h, w): of sum(grad * cells_of(image, ...))."""
    out = np.zeros(image.shape)
    h, w = image.shape[1:]
    if h < 3 or w < 3:
        return out
    dx, dy, fx, fy, channel = strongest_gradient(image)
    nearest = orientation_bin(fx, fy, n, four_digits=dpm)
    second, share, side = second_vote(dx if smooth else fx, dy if smooth else fy, nearest, n)
    if not bilinear:
        share, side = np.zeros_like(dx), np.zeros_like(nearest)
    first_vote, other_vote = np.zeros_like(dx), np.zeros_like(dx)
    for place, r, c, weight in corners(h, w, cell, dpm):
        np.add.at(first_vote, place, weight * grad[nearest[place], r, c])
        np.add.at(other_vote, place, weight * grad[second[place], r, c])
    length = np.hypot(dx, dy)
    inverse = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    along = first_vote + share * (other_vote - first_vote)
    across = side * n / np.pi * (other_vote - first_vote)  # the share grows with the angle
    to_dx, to_dy = (along * dx - across * dy) * inverse, (along * dy + across * dx) * inverse
    y, x = np.mgrid[1 : h - 1, 1 : w - 1]
    np.add.at(out, (channel, y, x + 1), to_dx)
    np.add.at(out, (channel, y, x - 1), -to_dx)
    np.add.at(out, (channel, y + 1, x), to_dy)
    np.add.at(out, (channel, y - 1, x), -to_dy)
    return out


def hog_gradient(
    image: NDArray[np.floating],
    grad: NDArray[np.floating],
    cell: int = 8,
    orientations: int = 9,
    variant: str = "uoctti",
    assignment: str = "nearest",
    smooth: bool = False,
) -> Array:
    """Of sum(grad * hog(image, ...)) with respect to the image: (c, h, w) and (d, H, W) -> (c, h, w), float64."""
    dpm, bilinear = variant == "dpm", assignment == "bilinear"
    upstream = np.pad(np.asarray(grad, np.float64), ((0, 0), (1, 1), (1, 1)) if dpm else 0)
    histogram = cells_of(image, cell, orientations, bilinear, dpm, smooth)
    to_cells = normalise_gradient(histogram, variant, upstream)
    return votes_gradient(image, cell, orientations, bilinear, dpm, to_cells, smooth)
