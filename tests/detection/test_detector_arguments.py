"""What a PoseDetector refuses, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

import equivfast as ef
from equivfast.groups import scaling, translation

Image = np.ndarray


@pytest.fixture(scope="module")
def detector() -> ef.PoseDetector:
    cat = ef.data.photographs(["cat"])[0].image
    return ef.PoseDetector.from_template(cat[75:155, 130:210], poses=[ef.groups.rotation(a) for a in (0, 90)])


def nan_image() -> Image:
    image = np.zeros((90, 90), np.float32)
    image[3, 4] = np.nan
    return image


@pytest.mark.parametrize(
    ("crop", "settings", "message"),
    [
        (np.zeros((23, 80), np.uint8), {}, "at least 24 x 24 pixels, 3 cells of 8 each way, got 80 x 23"),
        (np.zeros((80, 80), np.uint8), {}, "must show edges"),
        (np.zeros((80, 80, 4), np.uint8), {}, r"1 or 3 channels, got \(80, 80, 4\)"),
        (np.zeros((80, 80), np.int32), {}, "uint8, float32 or float64, got torch.int32"),
        (nan_image(), {}, "finite, got NaN"),
        ("photo.png", {}, "torch tensor or a NumPy array, got str"),
        (np.eye(80), {"poses": []}, r"at least one, got \[\]"),
        (
            np.eye(80),
            {"poses": [translation(3, 0)]},
            "must leave the example's middle where it is, got shift:3,0",
        ),
        (np.eye(80), {"cells": 17}, "cells must be a whole number from 3 to 16, got 17"),
        (
            np.eye(80),
            {"phi": ef.representations.HOG(variant="dpm", assignment="nearest")},
            "must not be of variant dpm",
        ),
        (np.eye(80), {"poses": [scaling(0.1)]}, "must scale by 0.4 to 2.5 .*, got scale:0.1"),
        (
            np.eye(300)[:40],
            {},
            "must be less long and thin, its shorter side at least 0.19 of the longer, got 300 x 40",
        ),
        (np.eye(80), {"phi": "hog"}, "phi must be a HOG representation or None, got str"),
    ],
)
def test_examples_that_cannot_be_learned(crop: object, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"PoseDetector.from_template: .*{message}"):
        ef.PoseDetector.from_template(crop, **settings)


@pytest.mark.parametrize(
    ("images", "boxes", "message"),
    [
        ([np.eye(90)], [(0, 0, 80, 80)], "at least 2 examples .from_template takes one., got 1"),
        (
            [np.eye(90)] * 2,
            [(0, 0, 80, 80), (11, 0, 80, 80)],
            r"box 1 must lie inside its image, got \(11, 0, 80, 80\)",
        ),
        ([np.eye(90)] * 2, [(0, 0, 80, 80), (0, 0, 80, np.nan)], "box 1 must lie inside"),
        ([np.eye(90)] * 2, [(0, 0, 80, 80)], r"boxes must be \(2, 4\).* got \(1, 4\)"),
        ([np.eye(90)] * 3, [(0, 0, 80, 80)] * 3, "examples must differ, got 3 that are all alike"),
        ([np.eye(90)] * 2, [(0, 0, 20, 80)] * 2, "at least 24 x 24 pixels"),
    ],
)
def test_examples_that_do_not_go_together(images: list, boxes: list, message: str) -> None:
    with pytest.raises(ValueError, match=f"PoseDetector.fit: .*{message}"):
        ef.PoseDetector.fit(images, boxes)


@pytest.mark.parametrize(
    ("image", "settings", "message"),
    [
        (
            np.zeros((30, 400), np.uint8),
            {},
            "at least 40 pixels each way to hold the object at scale 0.5, got 400 x 30",
        ),
        (nan_image(), {}, "finite, got NaN"),
        (np.zeros((2, 3, 90, 90), np.uint8), {}, "rank"),
        (np.eye(90), {"scales": (2, 1)}, r"scales must be \(smallest, largest\), both above 0, got \(2, 1\)"),
        (np.eye(90), {"scales": 1.0}, "scales must be"),
        (np.eye(90), {"threshold": 60}, "threshold must lie in -1..1, got 60"),
        (np.eye(90), {"threshold": "0.6"}, "threshold must lie in -1..1, got '0.6'"),
        (np.eye(90), {"scales": (1e-6, 1)}, "scales must not begin so low: at 1e-06"),
        (np.eye(90), {"most": True}, "most must be a whole number, 1 or more, or None, got True"),
        (np.eye(90), {"most": 0}, "most must be a whole number, 1 or more, or None, got 0"),
    ],
)
def test_images_that_cannot_be_searched(
    detector: ef.PoseDetector, image: Image, settings: dict, message: str
) -> None:
    pattern = (
        "PoseDetector.detect: image must be" if message == "rank" else f"PoseDetector.detect: .*{message}"
    )
    with pytest.raises(ValueError, match=pattern):
        detector.detect(image, **settings)
