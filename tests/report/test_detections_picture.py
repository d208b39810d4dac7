"""The image under the finds: its range of values, and images that cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.report import detections_picture

BYTES = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def test_floats_up_to_1_are_drawn_like_bytes() -> None:
    wanted = detections_picture(BYTES, [], BYTES[:6], least=24)
    for image in (BYTES / 255, (BYTES / np.float32(255)), BYTES.astype(np.float64)):
        np.testing.assert_array_equal(detections_picture(image, [], image[:6], least=24), wanted)
    assert wanted.max() > 200


def test_bytes_and_floats_of_more_keep_their_values() -> None:
    dark = np.ones((24, 24), np.uint8)
    assert detections_picture(dark, [], least=24).max() == 1
    assert detections_picture(dark * 1.5, [], least=24).max() == 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 24)), r"images must have pixels, got \(0, 24\)"),
        (np.zeros((24, 0, 3), np.uint8), r"images must have pixels, got \(24, 0, 3\)"),
        (np.full((20, 24), np.nan), r"images must be finite, got NaN or infinity in \(20, 24\)"),
        (np.where(np.eye(24) > 0, np.inf, 0), r"images must be finite, got NaN or infinity in \(24, 24\)"),
        (np.zeros((3, 20, 24)), r"images must be \(h, w\) or \(h, w, 3\), got \(3, 20, 24\)"),
    ],
)
def test_what_cannot_be_drawn_is_named(image: np.ndarray, message: str) -> None:
    for arguments in ((image, []), (BYTES, [], image)):
        with pytest.raises(ValueError, match=f"^detections_picture: {message}"):
            detections_picture(*arguments)
