"""The templates that banks are made of: what they show, and how they are told from the background.

mean   the pattern's features less the mean of natural ones, channel by channel
lda    the same, whitened by the covariance of natural features: that of two cells depends on the step between them
       alone (Hariharan, Malik & Ramanan 2012, Discriminative decorrelation for clustering and classification)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

import equivfast as ef

Array = NDArray[np.float64]

CELL, ORIENTATIONS = 8, 9
SIZE = (640, 480)  # pixels of a field, width and height: 80 x 60 cells
PHI = ef.representations.HOG(CELL, ORIENTATIONS)
KINDS = ("lda", "mean")
RIDGE = 0.01  # added to the covariance's diagonal, as in their code
CONTEXT = 2  # cells around the pattern, so that its own see what stands beside them

# Photograph: the pattern's centre (x, y) in its pixels. "faces" is the mean of 100 faces instead.
SOURCES: dict[str, tuple[float, float] | None] = {
    "astronaut": (224, 112),  # eyes and nose
    "camera": (250, 135),  # the face behind the camera
    "cat": (168, 113),  # eye
    "china": (205, 60),  # top of a roof
    "coffee": (364, 275),  # spoon
    "coins": (101, 54),  # one of them
    "flower": (306, 221),  # the middle of a blossom
    "motorcycle": (529, 153),  # headlight
    "rocket": (322, 165),  # its tip
    "faces": None,
}


@dataclass(frozen=True, eq=False)
class Background:
    """Mean (31,) and covariance of natural fields: ``covariance[k - 1 + dy, k - 1 + dx]`` (31, 31) is that of a cell's
    channels with those of the cell dy below and dx to the right."""

    mean: Array
    covariance: Array

    @classmethod
    def of(cls, fields: Array, cells: int) -> Background:
        """Of fields (n, 31, H, W) without two cells on each side, for templates of up to `cells` cells each way.

        Every sum is divided by the number of all cells, not of the pairs: so the covariance of any cells is positive.
        """
        inner = fields[:, :, 2:-2, 2:-2]
        mean = inner.mean((0, 2, 3))
        z = np.moveaxis(inner - mean[:, None, None], 1, 0)
        channels, n, height, width = z.shape
        found = np.zeros((2 * cells - 1, 2 * cells - 1, channels, channels))
        for dy in range(cells):
            for dx in range(1 - cells, cells):
                here = z[:, :, : height - dy, max(0, -dx) : width - max(0, dx)].reshape(channels, -1)
                there = z[:, :, dy:, max(0, dx) : width - max(0, -dx)].reshape(channels, -1)
                step = cells - 1 + dy, cells - 1 + dx
                found[step] = here @ there.T / (n * height * width)
                found[cells - 1 - dy, cells - 1 - dx] = found[step].T
        return cls(mean, found)

    def window(self, cells: int) -> Array:
        """The covariance of the numbers of a window (31, k, k), as a matrix."""
        middle, channels = len(self.covariance) // 2, len(self.mean)
        place = np.arange(cells)
        step = middle + place[None, :] - place[:, None]
        blocks = self.covariance[step[:, None, :, None], step[None, :, None, :]]  # (y, x, y', x', c, c')
        size = channels * cells**2
        return blocks.transpose(4, 0, 1, 5, 2, 3).reshape(size, size)

    @lru_cache(maxsize=2)  # noqa: B019 - there is one background, and it stays
    def whitening(self, cells: int) -> tuple[Array, bool]:
        covariance = self.window(cells)
        covariance[np.diag_indices_from(covariance)] += RIDGE
        factor: tuple[Array, bool] = scipy.linalg.cho_factor(covariance, overwrite_a=True)
        return factor


def template(source: str, kind: str, cells: int, background: Background) -> Array:
    """(31, k, k) of the pattern against the background."""
    difference = pattern(source, cells) - background.mean[:, None, None]
    if kind == "mean":
        return difference
    whitened: Array = scipy.linalg.cho_solve(background.whitening(cells), difference.ravel())
    return whitened.reshape(difference.shape)


def scale(image: NDArray[np.uint8]) -> float:
    """Pixels of the photograph for a pixel of the largest SIZE that it holds."""
    return min(image.shape[1] / SIZE[0], image.shape[0] / SIZE[1])


@cache
def pattern(source: str, cells: int) -> Array:
    """(31, k, k): HOG of the pattern as large as in the field of the whole photograph, with what stands around it."""
    place, pixels = SOURCES[source], (cells + 2 * CONTEXT) * CELL
    if place is None:
        faces = ef.data.faces(cells * CELL)
        margin = ((0, 0), (CONTEXT * CELL, CONTEXT * CELL), (CONTEXT * CELL, CONTEXT * CELL))
        images = np.pad(faces.images[faces.labels], margin, mode="symmetric")
    else:
        image = ef.data.photographs([source])[0].image
        cut, _ = ef.groups.window(image, place, pixels, ef.groups.scaling(1 / scale(image)))
        images = cut.mean(2)[None] / 255
    features = PHI(torch.from_numpy(images.astype(np.float32))[:, None]).numpy().astype(np.float64)
    inner = features.mean(0)[:, CONTEXT:-CONTEXT, CONTEXT:-CONTEXT]
    return np.ascontiguousarray(inner)
