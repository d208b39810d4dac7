"""Bars of glyphs lie along edges: their angle is measured in the picture."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from equivfast import report

SINGLE = [("uoctti", 31, 0), ("uoctti", 31, 9), ("uoctti", 31, 18), ("dpm", 31, 0), ("dpm", 32, 18)] + [
    ("dalal-triggs", 36, 9 * block) for block in range(4)
]


def bar_angle(picture: np.ndarray) -> float:
    """Direction of the longest axis of the ink, degrees in 0..180 from x (right) towards y (down)."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] - (np.array(picture.shape)[:, None, None] - 1) / 2
    spread = np.array([[(picture * x * x).sum(), (picture * x * y).sum()], [0, (picture * y * y).sum()]])
    values, vectors = np.linalg.eigh(spread, UPLO="U")
    long = vectors[:, np.argmax(values)]
    return float(np.degrees(np.arctan2(long[1], long[0])) % 180)


@pytest.mark.parametrize(("variant", "channels", "start"), SINGLE)
def test_bar_is_at_right_angles_to_the_gradient(variant: str, channels: int, start: int) -> None:
    for k in range(9):
        field = np.zeros((channels, 1, 1), np.float32)
        field[start + k] = 0.4
        found = bar_angle(report.glyphs(field, 9, variant, cell=41))
        expected = k * 20 + 90
        assert abs((found - expected + 90) % 180 - 90) < 1.0


def test_edge_in_an_image_and_its_bar_agree() -> None:
    from equivfast.ops import hog

    y, x = np.mgrid[:64, :64] - 31.5
    for degrees in (0, 20, 60, 140):
        across = np.cos(np.radians(degrees)) * x + np.sin(np.radians(degrees)) * y
        image = (127 + 127 * np.tanh(across / 2)).astype(np.float32)
        cell = hog(image, cell=8)[:, 3:5, 3:5].mean(axis=(1, 2), keepdims=True)
        found = bar_angle(report.glyphs(cell, cell=41) ** 2)
        assert abs((found - degrees - 90 + 90) % 180 - 90) < 6.0


def test_strengths_add_signed_and_unsigned_channels() -> None:
    field = np.random.default_rng(0).random((31, 3, 4)).astype(np.float32)
    weights = report.strengths(field)
    assert weights.shape == (3, 4, 9)
    np.testing.assert_allclose(
        weights[2, 1, 4], field[4, 2, 1] + field[13, 2, 1] + field[22, 2, 1], rtol=1e-6
    )
    blocks = np.random.default_rng(1).random((24, 2, 2))
    np.testing.assert_allclose(
        report.strengths(blocks, 6, "dalal-triggs")[0, 1, 5], blocks[[5, 11, 17, 23], 0, 1].sum(), rtol=1e-6
    )


def test_cells_lie_in_place_and_texture_is_not_drawn() -> None:
    field = np.zeros((31, 2, 3), np.float32)
    field[22, 1, 2] = 1
    field[27:, 0, 0] = 1
    picture = report.glyphs(field, cell=21)
    assert picture.shape == (42, 63) and picture.dtype == np.float32
    assert picture[21:, 42:].sum() > 0 and picture.sum() == picture[21:, 42:].sum()


def test_negative_weights_are_drawn_apart() -> None:
    field = np.zeros((31, 1, 2), np.float32)
    field[0, 0, 0], field[0, 0, 1] = 0.5, -0.25
    positive, negative = report.glyphs(field, cell=21), report.glyphs(field, cell=21, negative=True)
    assert positive[:, 21:].sum() == 0 and negative[:, :21].sum() == 0
    np.testing.assert_allclose(positive[:, :21], negative[:, 21:], atol=1e-6)


def test_common_peak_makes_pictures_comparable() -> None:
    field = np.zeros((31, 1, 1), np.float32)
    field[0] = 0.2
    np.testing.assert_allclose(
        report.glyphs(field, peak=0.4), 0.5 * report.glyphs(field, peak=0.2), atol=1e-6
    )
    assert report.glyphs(field).max() == pytest.approx(1.0)
    assert report.glyphs(np.zeros((31, 2, 2))).max() == 0


def test_ink_is_dark_on_white() -> None:
    assert report.ink(np.array([0.0]))[0] == 255 and report.ink(np.array([1.0]))[0] < 40
    assert (np.diff(report.ink(np.linspace(0, 1, 20)).astype(int)) < 0).all()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_png_keeps_every_pixel(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    uri = report.png_uri(picture)
    assert uri.startswith("data:image/png;base64,")
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    np.testing.assert_array_equal(back, picture)


@pytest.mark.parametrize(
    ("shape", "orientations", "variant", "message"),
    [
        ((31, 4), 9, "uoctti", r"field must be \(31, H, W\) for uoctti with 9 orientations, got \(31, 4\)"),
        ((36, 2, 2), 9, "uoctti", r"got \(36, 2, 2\)"),
        ((31, 2, 2), 9, "dalal-triggs", r"field must be \(36, H, W\)"),
        ((30, 2, 2), 9, "dpm", r"field must be \(31 or 32, H, W\)"),
        ((31, 0, 2), 9, "uoctti", r"got \(31, 0, 2\)"),
        ((31, 2, 2), 9, "sift", "variant must be one of uoctti, dalal-triggs, dpm, got 'sift'"),
    ],
)
def test_refuses_fields(shape: tuple[int, ...], orientations: int, variant: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^strengths: {message}|^strengths: .*{message}"):
        report.glyphs(np.zeros(shape), orientations, variant)


def test_refuses_nan_small_cells_and_peaks() -> None:
    field = np.zeros((31, 1, 1))
    with pytest.raises(ValueError, match="glyphs: cell must be at least 3 pixels, got 2"):
        report.glyphs(field, cell=2)
    with pytest.raises(ValueError, match=r"glyphs: peak must be positive, got 0\.0"):
        report.glyphs(field, peak=0.0)
    field[3] = np.nan
    with pytest.raises(ValueError, match="strengths: field must be finite"):
        report.glyphs(field)
    with pytest.raises(ValueError, match=r"png_bytes: picture must be uint8 .* got float64 \(3, 3\)"):
        report.png_bytes(np.zeros((3, 3)))
