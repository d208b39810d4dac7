"""equivfast.compat.skimage.hog gives the values and pictures of skimage.feature.hog."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from skimage import data
from skimage_cases import DTYPES, assert_same, calls, outcome

import equivfast as ef
from equivfast.compat.skimage import BLOCK_NORMS, MAX_ORIENTATIONS, hog


@settings(max_examples=250)
@given(call=calls())
def test_any_call_gives_what_scikit_image_gives(
    call: tuple[np.ndarray, dict[str, Any]], close: float
) -> None:
    image, options = call
    assert_same(image, close, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("norm", BLOCK_NORMS)
def test_a_photograph(dtype: str, norm: str, close: float) -> None:
    photo = data.camera()[100:260, 100:333].astype(dtype)
    assert_same(photo, close, block_norm=norm)
    assert_same(photo, close, block_norm=norm, orientations=8, cells_per_block=(2, 2), visualize=True)


@pytest.mark.parametrize("scale", [1, 1 / 255])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_colour_photograph(dtype: str, scale: float, close: float) -> None:
    photo = (data.astronaut()[:200, 100:300] * scale).astype(dtype)
    assert_same(photo, close, channel_axis=-1)
    assert_same(photo.mean(axis=2, keepdims=True).astype(dtype).repeat(3, 2), close, channel_axis=-1)
    assert_same(np.moveaxis(photo, -1, 0), close, channel_axis=0, orientations=12)
    assert_same(np.concatenate([photo, photo[::-1]], 2), close, channel_axis=2, visualize=True)


# ---- decisions: ties, boundaries, numbers that are none ----------------------------------------------


def ramp(down: float, right: float) -> np.ndarray:
    """One cell whose inner pixels all have the gradient 2 (right, down)."""
    y, x = np.mgrid[:10, :10]
    return (down * y + right * x).astype(np.float64)


@pytest.mark.parametrize(
    ("down", "right", "degrees"),
    [(0, 1, 0), (1, 1, 45), (1, 0, 90), (1, -1, 135), (0, -1, 0), (-1, -1, 45), (-1, 0, 90), (-1, 1, 135)],
)
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_a_direction_on_a_boundary_is_in_the_upper_bin(
    down: float, right: float, degrees: int, dtype: type
) -> None:
    image = ramp(down, right).astype(dtype)[1:-1, 1:-1]  # its own edges have a gradient along them alone
    found = hog(image, 4, (8, 8), (1, 1), "L1")
    assert found.argmax() == degrees // 45
    # 36 inner pixels of length 2 sqrt(down^2 + right^2), and 6 along each edge that see one direction only.
    inner, edges = 36 * np.hypot(down, right), 12 * (abs(down) + abs(right))
    wanted = np.zeros(4)
    wanted[degrees // 45] += inner
    wanted[0] += 12 * abs(right)
    wanted[2] += 12 * abs(down)
    assert inner + edges == pytest.approx(wanted.sum())
    np.testing.assert_allclose(found, wanted / wanted.sum(), atol=1e-5)


def test_a_direction_that_rounds_to_180_degrees_has_no_bin() -> None:
    image = np.zeros((4, 4))
    image[:, 2:] = 1
    up, down = image.copy(), image.copy()
    up[2:], down[2:] = image[2:] - 1e-17, image[2:] + 1e-17  # only the zeros change
    votes = [hog(i, 9, (4, 4), (1, 1), "L1", visualize=True)[1].max() for i in (image, up, down)]
    assert votes[1] < 0.9 * votes[0] and votes[2] == pytest.approx(votes[0])
    assert_same(up, 1e-7, pixels_per_cell=(4, 4), cells_per_block=(1, 1), visualize=True)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 9, 12, 16, 31, 39, 78])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_directions_around_every_boundary(n: int, dtype: type, close: float) -> None:
    boundary = np.deg2rad(180 / n * np.arange(2 * n + 1))
    steps = np.concatenate([[0], np.geomspace(1e-17, 1e-5, 13)])
    angle = (boundary[:, None] + np.concatenate([steps, -steps])).ravel()
    length = np.random.default_rng(n).uniform(0.1, 1, angle.shape)
    tiles = np.zeros((3, len(angle), 3))
    tiles[1, :, 2], tiles[2, :, 1] = length * np.cos(angle), length * np.sin(angle)
    image = tiles.reshape(3, -1).astype(dtype)
    assert_same(image, close, orientations=n, pixels_per_cell=(3, 3), cells_per_block=(1, 1), block_norm="L1")


def test_no_boundary_stands_above_the_tie_it_stands_for() -> None:
    """csrc/math/half_turn.hpp relies on it."""
    n = np.arange(4, MAX_ORIENTATIONS + 1, 4)
    for quarters in (1, 2, 3):
        assert (180 / n * (n // 4 * quarters) <= 45 * quarters).all()
    assert (180 / (n - 2) * (n // 2 - 1) <= 90).all()


def test_integers_come_near_no_boundary_of_9_bins() -> None:
    """csrc/cpu/skimage_hog/votes.hpp relies on it: float32 decides, to 1e-6, without a second look."""
    y, x = np.mgrid[1:256, 1:256]
    away = np.abs(np.arctan2(y, x)[..., None] - np.deg2rad([20, 40, 60, 80]))
    assert away.min() > 4e-6


def test_equal_and_nearly_equal_channels(close: float) -> None:
    rng = np.random.default_rng(1)
    # 1, 7 and 5, 5 are equally long; so are a direction and its mirror image, in float64 up to rounding.
    image = rng.choice([0.0, 1, 5, 7], (60, 60, 4))
    for dtype, scale in (("uint8", 1), ("float32", 1), ("float32", 1 / 3), ("float64", 1 / 3)):
        assert_same((image * scale).astype(dtype), close, channel_axis=-1, orientations=7)


@pytest.mark.parametrize("norm", BLOCK_NORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scikit-image's
def test_nan_and_infinity(norm: str, dtype: type, close: float) -> None:
    image = np.random.default_rng(2).random((70, 90)).astype(dtype)
    image[20, 30] = image[69, 89] = image[0, 80] = np.nan
    image[50, 60], image[0, 0] = np.inf, -np.inf
    assert_same(image, close, block_norm=norm)
    assert_same(image, close, block_norm=norm, visualize=True, pixels_per_cell=(7, 5))
    colour = np.stack([image[::-1], image, image * 2], -1)
    assert_same(colour, close, block_norm=norm, channel_axis=-1)
    assert_same(np.full((40, 40), np.nan, dtype), close, block_norm=norm)
    assert_same(
        np.full((40, 40), 3e38, dtype) * (np.arange(40) % 3 - 1).astype(dtype), close, block_norm=norm
    )


# ---- the same answer at every CPU level and for any number of threads -------------------------------


def test_every_cpu_level_agrees(cpu_level: str, close: float) -> None:
    photo = data.camera()[:130, :190]
    assert ef.build_info()["cpu_level"] == cpu_level
    for image in (photo, photo.astype(np.float32) / 255, photo / 255):
        for options in ({}, {"orientations": 8, "pixels_per_cell": (5, 7)}, {"block_norm": "L1-sqrt"}):
            assert_same(image, close, **options)
    assert_same(data.astronaut()[:90, :90], close, channel_axis=-1)
    # Blocks of fewer numbers than a vector.
    assert_same(photo, close, orientations=1, cells_per_block=(1, 1))


def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    photo = data.astronaut()[:300]
    calls = [(photo, {"channel_axis": -1}), (photo[..., 0] / 255, {"orientations": 8, "visualize": True})]
    found = [outcome(hog, *call) for call in calls]
    torch.set_num_threads(1)
    for call, many in zip(calls, found, strict=True):
        for a, b in zip(many, outcome(hog, *call), strict=True):
            np.testing.assert_array_equal(a, b)
    torch.set_num_threads(threads)


def test_many_callers_at_once_get_what_one_gets(threads: int) -> None:
    images = np.random.default_rng(3).random((6, 96, 120))
    alone = [hog(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: hog(images[i % 6]), range(300)))
    assert all(np.array_equal(found[i], alone[i % 6]) for i in range(300))
