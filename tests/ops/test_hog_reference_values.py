"""hog against values that other people's programs computed: VLFeat, voc-dpm and dlib."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from op_contract import Tolerance

import equivfast as ef
from equivfast.groups import hflip
from equivfast.reference.hog import hog as oracle
from equivfast.representations import HOG

VLFEAT = [
    ("vlfeat_roofs", "vl_uoctti_o9_c8_b0"),
    ("vlfeat_roofs", "vl_uoctti_o9_c8_b1"),
    ("vlfeat_roofs", "vl_uoctti_o9_c16_b0"),
    ("vlfeat_roofs", "vl_dalaltriggs_o9_c8_b0"),
    ("vlfeat_box_gray", "vl_uoctti_o9_c8_b0"),
    ("vlfeat_box_gray", "vl_dalaltriggs_o9_c8_b0"),
]
IMAGES = ("vlfeat_roofs", "vlfeat_box_gray")


def load(folder: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(folder / "hog_reference" / f"{name}.npz") as file:
        return dict(file)


def settings_of(key: str) -> dict[str, Any]:
    parts = re.fullmatch(r"vl_(\w+?)_o(\d+)_c(\d+)_b([01])", key)
    assert parts is not None
    variant, orientations, cell, bilinear = parts.groups()
    return {
        "cell": int(cell),
        "orientations": int(orientations),
        "variant": {"uoctti": "uoctti", "dalaltriggs": "dalal-triggs"}[variant],
        "assignment": ("nearest", "bilinear")[int(bilinear)],
    }


def planes(image: np.ndarray) -> np.ndarray:
    """(h, w) or (h, w, c) as (c, h, w)."""
    return np.ascontiguousarray(np.atleast_3d(image).transpose(2, 0, 1))


@pytest.fixture
def limit(tolerance: Tolerance) -> float:
    return tolerance("hog reference values", torch.float32)


@pytest.mark.parametrize("name", IMAGES)
def test_no_vlfeat_key_is_left_out(test_data: Path, name: str) -> None:
    keys = {key for key in load(test_data, name) if key.startswith("vl_") and not key.endswith("_flipperm")}
    assert keys == {key for image, key in VLFEAT if image == name}


@pytest.mark.parametrize(("name", "key"), VLFEAT)
def test_vlfeat(test_data: Path, name: str, key: str, cpu_level: str, limit: float) -> None:
    """VLFeat was given float32 intensities in 0..1."""
    data = load(test_data, name)
    image = data["image"].astype(np.float32) / np.float32(255)
    assert np.abs(ef.hog(image, **settings_of(key)).transpose(1, 2, 0) - data[key]).max() <= limit


@pytest.mark.parametrize(("name", "key"), VLFEAT)
def test_oracle_is_vlfeat_too(test_data: Path, name: str, key: str, limit: float) -> None:
    data = load(test_data, name)
    image = data["image"].astype(np.float32) / np.float32(255)
    assert np.abs(oracle(planes(image), **settings_of(key)).transpose(1, 2, 0) - data[key]).max() <= limit


@pytest.mark.parametrize(("name", "key"), VLFEAT)
def test_left_right_permutation_is_vlfeats(test_data: Path, name: str, key: str) -> None:
    action = HOG(**settings_of(key)).channel_action(hflip())
    np.testing.assert_array_equal(action, load(test_data, name)[f"{key}_flipperm"])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_voc_dpm(test_data: Path, cpu_level: str, dtype: type, limit: float) -> None:
    """voc-dpm was given doubles in 0..255. Its channel 31 marks cells beyond the image and is always 0 here."""
    data = load(test_data, "vlfeat_roofs")
    wanted = data["dpm_c8"]
    assert not wanted[..., 31].any()
    field = ef.hog(data["image"].astype(dtype), variant="dpm")
    assert np.abs(field.transpose(1, 2, 0) - wanted[..., :31]).max() <= limit


def test_oracle_is_voc_dpm_too(test_data: Path, limit: float) -> None:
    data = load(test_data, "vlfeat_roofs")
    field = oracle(planes(data["image"]), variant="dpm")
    assert np.abs(field.transpose(1, 2, 0) - data["dpm_c8"][..., :31]).max() <= limit


def test_dlib_gray(test_data: Path, cpu_level: str, limit: float) -> None:
    """dlib computes what voc-dpm does, but for the pixels beyond the image. The image is 78 pixels wide, which rounds
    to 10 cells or 80 pixels: voc-dpm lets the last gradient vote for the two pixels that are missing, dlib lets them
    go without a vote. Only the last column of cells can see the difference. Colour is not compared: where two
    channels are equally strong dlib's vector code takes the last one, voc-dpm and we the first."""
    data = load(test_data, "dlib_fhog_face")
    field = ef.hog(data["gray"], variant="dpm").transpose(1, 2, 0)
    wanted = data["gray_cell8"]
    assert field.shape == wanted.shape
    assert np.abs(field - wanted)[:, :-1].max() <= limit
    assert np.abs(field - wanted)[:, -1].max() > 100 * limit
