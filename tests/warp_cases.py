"""Images and tables that the tests of warps share."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data

from equivfast import groups
from equivfast.groups import hflip, rotation, vflip

CAMERA = skimage.data.camera()
ASTRONAUT = skimage.data.astronaut()

# Each flip and quarter turn as NumPy says it on (h, w).
D4 = [
    (groups.identity(), lambda x: x),
    (hflip(), lambda x: x[:, ::-1]),
    (vflip(), lambda x: x[::-1]),
    (rotation(180), lambda x: x[::-1, ::-1]),
    (rotation(90), lambda x: np.rot90(x)),
    (rotation(-90), lambda x: np.rot90(x, -1)),
    (rotation(90) @ hflip(), lambda x: np.rot90(x[:, ::-1])),
    (rotation(90) @ vflip(), lambda x: np.rot90(x[::-1])),
]
each_symmetry = pytest.mark.parametrize(("g", "moved"), D4, ids=[g.name for g, _ in D4])
PADDING = {"reflect": "symmetric", "edge": "edge", "zeros": "constant"}
each_border = pytest.mark.parametrize("border", ["reflect", "edge", "zeros"])


def points(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Centred x and y of every pixel."""
    y, x = np.mgrid[:height, :width]
    return x - (width - 1) / 2, y - (height - 1) / 2


def wave(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth image without symmetry: a few waves no shorter than 16 pixels."""
    generator = np.random.default_rng(seed)
    x, y = points(height, width)
    waves = generator.uniform(-2 * math.pi / 16, 2 * math.pi / 16, (6, 2)) / math.sqrt(2)
    return sum(np.cos(a * x + b * y + phase) for (a, b), phase in zip(waves, range(6), strict=True))


def blob(height: int, width: int, x0: float, y0: float, sigma: float) -> np.ndarray:
    x, y = points(height, width)
    return np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2))


def moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid (x, y) and covariance of an image's mass."""
    places = np.stack(points(*image.shape))
    mass = image / image.sum()
    mean = (places * mass).sum((1, 2))
    away = places - mean[:, None, None]
    return mean, np.einsum("ihw,jhw,hw->ij", away, away, mass)


def source_points(g: groups.Transform, shape: tuple[int, int]) -> np.ndarray:
    """(h, w, 2) source (x, y) in pixel indices, worked out point by point."""
    x, y = points(*shape)
    return g.inverse()(np.stack([x, y], -1)) + (np.array(shape[::-1]) - 1) / 2
