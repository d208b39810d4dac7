"""Every case of scikit-image's own tests of hog (0.26, tests/skimage/feature/test_hog.py), in other words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.feature
from skimage import color, data, draw, filters, img_as_float

from equivfast.compat.skimage import hog


def test_the_number_of_features() -> None:
    image = img_as_float(data.astronaut()[:256].mean(axis=2))
    assert hog(image, cells_per_block=(1, 1), block_norm="L1").shape == (9 * 32 * 64,)


@pytest.mark.parametrize("norm", ["L1", "L2-Hys"])
@pytest.mark.parametrize(("dtype", "decimals"), [(np.float32, 5), (np.float64, 7)])
def test_the_stored_features_of_the_astronaut(norm: str, dtype: type, decimals: int, test_data: Path) -> None:
    image = color.rgb2gray(data.astronaut()).astype(dtype)
    found = hog(image, block_norm=norm)
    assert found.dtype == dtype
    stored = np.load(test_data / "hog_reference" / f"astronaut_GRAY_hog_{norm}.npy")
    np.testing.assert_almost_equal(found, stored, decimals)


def test_pixels_beyond_the_last_cell_are_left_out() -> None:
    found = hog(data.camera()[:150, :200], cells_per_block=(1, 1), block_norm="L1")
    assert len(found) == 9 * 18 * 25


def test_a_cell_of_three_pixels() -> None:
    image = np.zeros((3, 3))
    image[2, 2] = 1
    wanted = [0.5, 0, 0, 0, 0.5, 0, 0, 0, 0]
    found = hog(image, pixels_per_cell=(3, 3), cells_per_block=(1, 1), block_norm="L1")
    np.testing.assert_almost_equal(found, wanted, 1)


@pytest.mark.parametrize("quarter_turns", range(4))
def test_an_edge_fills_one_bin_in_every_dtype(quarter_turns: int) -> None:
    image = np.zeros((35, 35))
    image[17:] = 100
    image = np.rot90(image, quarter_turns)

    def features(dtype: type, root: bool) -> tuple[np.ndarray, np.ndarray]:
        return hog(image.astype(dtype), 4, (8, 8), (1, 1), "L1", visualize=True, transform_sqrt=root)

    found, picture = features(float, False)
    whole, whole_picture = features(np.uint8, False)
    np.testing.assert_almost_equal(found, whole)
    np.testing.assert_almost_equal(picture, whole_picture)
    np.testing.assert_almost_equal(found, features(float, True)[0], 4)
    np.testing.assert_almost_equal(found, features(np.uint8, True)[0], 4)
    wanted = [1, 0, 0, 0] if quarter_turns % 2 else [0, 0, 1, 0]
    np.testing.assert_almost_equal(found.reshape(-1, 4).max(axis=0), wanted, 2)


@pytest.mark.parametrize("orientations", range(2, 15))
def test_a_disk_fills_all_bins_alike(orientations: int) -> None:
    image = np.zeros((100, 100))
    image[draw.disk((50, 50), 33)] = 100
    image = filters.gaussian(image, sigma=2, mode="reflect")
    found, _ = hog(image, orientations, (8, 8), (1, 1), "L1", visualize=True)
    bins = found.reshape(-1, orientations)
    np.testing.assert_almost_equal(bins.mean(axis=0), np.full(orientations, bins.mean()), 1)


def test_lines_lie_across_the_gradient() -> None:
    image = np.zeros((11, 11))
    image[5:] = 1
    _, picture = hog(image, 3, (11, 11), (1, 1), "L1", visualize=True)
    assert (np.delete(picture, 5, axis=0) == 0).all()
    assert (picture[5, 1:-1] > 0).all()


def test_an_unknown_norm_is_an_error() -> None:
    with pytest.raises(ValueError):
        hog(np.eye(4), block_norm="Linf")


@pytest.mark.parametrize(("shape", "axis"), [((3, 3, 3), None), ((3, 3), -1), ((3, 3, 3, 3), -1)])
def test_a_wrong_number_of_axes_is_an_error(shape: tuple[int, ...], axis: int | None) -> None:
    with pytest.raises(ValueError):
        hog(np.zeros(shape), channel_axis=axis, block_norm="L1")


@pytest.mark.parametrize("axis", [None, 0, 1, -1, -2])
@pytest.mark.parametrize("steps", [1, 2])
def test_the_order_of_channels_does_not_matter(axis: int | None, steps: int) -> None:
    image = data.astronaut() if axis is None else data.astronaut()[:64, :32]
    image = image * np.array([1, 0, 0], np.uint8)
    axis = -1 if axis is None else axis
    image = np.moveaxis(image, -1, axis)
    found = hog(np.roll(image, steps, axis), channel_axis=axis, block_norm="L1")
    np.testing.assert_almost_equal(hog(image, channel_axis=axis, block_norm="L1"), found)


def test_an_image_just_large_enough_and_one_just_too_small() -> None:
    assert hog(np.zeros((24, 24)), pixels_per_cell=(8, 8), cells_per_block=(3, 3)).shape == (81,)
    with pytest.raises(ValueError, match="image is too small given"):
        hog(np.zeros((23, 23)), pixels_per_cell=(8, 8), cells_per_block=(3, 3))


def test_in_scikit_images_own_place_it_still_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skimage.feature, "hog", hog)
    with pytest.raises(ValueError, match="image is too small given"):
        skimage.feature.hog(np.zeros((23, 23)))
    with pytest.raises(ValueError, match="two spatial dimensions"):
        skimage.feature.hog(np.zeros((3, 3, 3)))


PLUGIN = """
import skimage.feature, skimage._shared.testing
from equivfast.compat.skimage import hog
skimage.feature.hog = hog
skimage._shared.testing.fetch = lambda name: {folder!r} + "/src/skimage/" + name
"""


def test_scikit_images_own_file_of_tests(tmp_path: Path) -> None:
    """Of the unpacked source distribution that EQUIVFAST_SKIMAGE_SOURCE names: the installed package has no tests."""
    named = os.environ.get("EQUIVFAST_SKIMAGE_SOURCE")
    if named is None:
        pytest.skip("EQUIVFAST_SKIMAGE_SOURCE is not set")
    tests = Path(named) / "tests" / "skimage" / "feature" / "test_hog.py"
    (tmp_path / "pointed.py").write_text(PLUGIN.format(folder=named))
    (tmp_path / "test_hog.py").write_text(tests.read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pointed", "-p", "no:cacheprovider", "test_hog.py"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
