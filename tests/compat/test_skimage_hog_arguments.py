"""equivfast.compat.skimage.hog takes and refuses what skimage.feature.hog does, with its words."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from skimage.feature import hog as original
from skimage_cases import DTYPES, assert_same, largest_difference, outcome

from equivfast.compat.skimage import MAX_ORIENTATIONS, hog


def test_the_signature_is_scikit_images() -> None:
    ours, theirs = (inspect.signature(function).parameters for function in (hog, original))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


SQUARE = np.arange(900.0).reshape(30, 30)
REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "too small": (SQUARE[:23], {}),
    "too narrow": (SQUARE[:, :23], {"pixels_per_cell": (8, 8)}),
    "too small for one cell": (SQUARE, {"pixels_per_cell": (31, 8)}),
    "too small, and an unknown norm": (SQUARE[:9], {"block_norm": "L3"}),
    "unknown norm": (SQUARE, {"block_norm": "l2"}),
    "no norm": (SQUARE, {"block_norm": None}),
    "colour, axis not given": (np.zeros((30, 30, 3)), {}),
    "gray, axis given": (SQUARE, {"channel_axis": -1}),
    "one axis too many": (np.zeros((2, 30, 30, 3)), {"channel_axis": -1}),
    "two channel axes": (np.zeros((30, 30, 3)), {"channel_axis": (0, 1)}),
    "no such axis": (np.zeros((30, 30, 3)), {"channel_axis": 5}),
    "complex": (SQUARE + 0j, {}),
    "text": (np.full((30, 30), "a"), {}),
    "nothing": (np.zeros((0, 30)), {}),
    "no channel": (np.zeros((30, 30, 0)), {"channel_axis": -1}),
    "cells of half pixels": (SQUARE, {"pixels_per_cell": (8.5, 8)}),
    "cells of no pixels": (SQUARE, {"pixels_per_cell": (0, 8)}),
    "one number for cells": (SQUARE, {"pixels_per_cell": 8}),
    "three numbers for blocks": (SQUARE, {"cells_per_block": (1, 1, 1)}),
    "half a bin": (SQUARE, {"orientations": 8.5}),
    "no bins": (SQUARE, {"orientations": 0}),
    "lines of cells of one pixel leave the image": (
        SQUARE, {"pixels_per_cell": (1, 1), "cells_per_block": (1, 1), "visualize": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_errors_are_scikit_images(case: str) -> None:
    image, options = REFUSED[case]
    found, wanted = outcome(hog, image, options), outcome(original, image, options)
    assert len(found) == len(wanted)
    if isinstance(wanted[0], type):
        assert found == wanted
    else:
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, wanted, strict=True))


ACCEPTED: dict[str, tuple[Any, dict[str, Any]]] = {
    "a list": (SQUARE.tolist(), {}),
    "a list of channels": (np.zeros((3, 30, 30)).tolist(), {"channel_axis": 0}),
    "a tensor": (torch.from_numpy(SQUARE), {}),
    "one row": (np.arange(30.0), {"pixels_per_cell": (1, 4), "cells_per_block": (1, 2)}),
    "one pixel": (np.ones((1, 1)), {"pixels_per_cell": (1, 1), "cells_per_block": (1, 1)}),
    "two columns": (SQUARE[:, :2], {"pixels_per_cell": (3, 1), "cells_per_block": (2, 2)}),
    "lists for sizes": (SQUARE, {"pixels_per_cell": [8, 8], "cells_per_block": [2, 2]}),
    "arrays for sizes": (SQUARE, {"pixels_per_cell": np.array([8, 8]), "orientations": np.int64(6)}),
    "masked": (np.ma.masked_less(SQUARE, 3), {}),
    "objects": (SQUARE.astype(object), {}),
    "long double": (SQUARE.astype(np.longdouble), {}),
    "many bins": (SQUARE, {"orientations": MAX_ORIENTATIONS}),
    "too many bins": (SQUARE, {"orientations": MAX_ORIENTATIONS + 1, "cells_per_block": (1, 1)}),
    "an axis in a tuple": (np.zeros((30, 3, 30)) + SQUARE[:, None], {"channel_axis": (1,)}),
    "truth for a bin": (SQUARE, {"orientations": True}),
    "rows and columns of one pixel": (SQUARE, {"pixels_per_cell": (1, 6), "visualize": True}),
    "rounded lines": (
        np.random.default_rng(0).random((300, 200)), {"pixels_per_cell": (20, 10), "visualize": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_whatever_scikit_image_takes_is_taken(case: str, close: float) -> None:
    image, options = ACCEPTED[case]
    assert_same(image, close, **options)


def test_an_image_given_by_name_keeps_its_axes(close: float) -> None:
    image = np.random.default_rng(4).random((30, 40, 32))
    found, wanted = (f(image=image, channel_axis=0, block_norm="L2") for f in (hog, original))
    assert largest_difference(found, wanted) < close


def test_unaligned_memory(close: float) -> None:
    packed = np.zeros((40, 40), np.dtype([("flag", "u1"), ("value", "<f8")]))
    packed["value"] = np.random.default_rng(5).random((40, 40))
    assert not packed["value"].flags.aligned
    assert_same(packed["value"], close)


def test_the_image_is_not_changed() -> None:
    for dtype in DTYPES:
        image = data.camera()[:64, :64].astype(dtype)
        before = image.copy()
        hog(image, visualize=True, transform_sqrt=True)
        np.testing.assert_array_equal(image, before)
