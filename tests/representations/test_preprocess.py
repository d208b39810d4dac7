"""Preprocessing, by hand and against Pillow."""

import numpy as np
import pytest
import torch
from PIL import Image

from equivfast.representations import Preprocess


def test_preprocessing_by_hand():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    whole = Preprocess(scale=1, mean=(1, 2, 3), std=(2, 4, 8))([image])
    assert whole.shape == (1, 3, 4, 6) and whole.dtype == torch.float32
    assert whole[0, :, 2, 5].tolist() == [(51 - 1) / 2, (52 - 2) / 4, (53 - 3) / 8]
    reversed_ = Preprocess(scale=1, mean=(1, 2, 3), bgr=True)(image[None])
    assert reversed_[0, :, 2, 5].tolist() == [53 - 1, 52 - 2, 51 - 3]
    middle = Preprocess(size=2, scale=1)(torch.from_numpy(image)[None])
    np.testing.assert_array_equal(middle[0].permute(1, 2, 0), image[1:3, 2:4])
    assert Preprocess(size=8)([]).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(100, 151, (50, 75)), (151, 100, (75, 50)), (50, 50, (50, 50))]
)
def test_the_shorter_side_is_resized(height, width, expected):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    got = Preprocess(resize=50, scale=1)([image])
    wanted = np.asarray(Image.fromarray(image).resize(expected[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(got[0].permute(1, 2, 0), wanted)
    assert Preprocess(resize=50, size=50)([image, image.transpose(1, 0, 2)]).shape == (2, 3, 50, 50)


@pytest.mark.parametrize(
    ("options", "images", "message"),
    [
        ({}, np.zeros((4, 4, 3), np.uint8), r"images must be a list of \(h, w, 3\) or .*, got \(4, 4, 3\)"),
        ({}, [np.zeros((4, 4, 3))], r"images must be uint8 \(h, w, 3\), got float64 \(4, 4, 3\)"),
        ({}, [np.zeros((4, 4), np.uint8)], r"got uint8 \(4, 4\)"),
        ({}, [np.zeros((0, 4, 3), np.uint8)], r"got uint8 \(0, 4, 3\)"),
        ({"size": 5}, [np.zeros((4, 9, 3), np.uint8)], "must have 5 x 5 pixels or more, .* got 4 x 9"),
        ({}, [np.zeros((s, 4, 3), np.uint8) for s in (4, 5)], "must end in one size, .* got 4 x 4 and 5 x 4"),
    ],
)
def test_pictures_that_cannot_be_prepared(options, images, message):
    with pytest.raises(ValueError, match=message):
        Preprocess(**options)(images)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"resize": 2.5},
        {"std": (1, 0, 1)},
        {"mean": (1, 2)},
        {"scale": 0},
        {"mean": (float("nan"),) * 3},
    ],
)
def test_spoiled_preprocessing(options):
    with pytest.raises(ValueError, match=f"Preprocess: {next(iter(options))} must be"):
        Preprocess(**options)
