"""Calls of hog as scikit-image has it, and how far our answer lies from its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from skimage.feature import hog as original

from equivfast.compat.skimage import BLOCK_NORMS, hog

DTYPES = ("uint8", "float32", "float64", "int16", "float16", "bool", "uint16", "int64", ">f8", ">u2")


def outcome(function: Any, image: Any, options: dict[str, Any]) -> Any:
    """What is returned, as a tuple, or the error."""
    try:
        found = function(image, **options)
    except Exception as error:
        return type(error), str(error)
    return found if isinstance(found, tuple) else (found,)


def largest_difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """As a share of the largest number where that is above 1; NaN and infinities have to agree."""
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(found[~finite], wanted[~finite])
    return float(np.abs(found - wanted)[finite].max(initial=0))


def assert_same(image: Any, tolerance: float, **options: Any) -> None:
    found, wanted = outcome(hog, image, options), outcome(original, image, options)
    assert len(found) == len(wanted)
    if isinstance(wanted[0], type):
        assert found == wanted
        return
    assert largest_difference(found[0], wanted[0]) < tolerance
    if len(wanted) == 2:  # the picture is in the unit of the image
        scale = np.abs(wanted[1][np.isfinite(wanted[1])]).max(initial=0)
        assert largest_difference(found[1], wanted[1]) <= tolerance * scale


@st.composite
def calls(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any]]:
    side, cell, block = st.integers(1, 60), st.integers(1, 16), st.integers(1, 4)
    shape = [draw(side), draw(side)]
    options: dict[str, Any] = {
        "orientations": draw(st.integers(1, 40)),
        "pixels_per_cell": (draw(cell), draw(cell)),
        "cells_per_block": (draw(block), draw(block)),
        "block_norm": draw(st.sampled_from(BLOCK_NORMS)),
        "transform_sqrt": draw(st.booleans()),
        "feature_vector": draw(st.booleans()),
    }
    cells = np.prod([s // c for s, c in zip(shape, options["pixels_per_cell"], strict=True)])
    options["visualize"] = bool(cells * options["orientations"] < 4000 and draw(st.booleans()))
    if draw(st.booleans()):
        axis = draw(st.integers(-3, 2))
        options["channel_axis"] = axis
        shape.insert(axis % 3, draw(st.integers(1, 5)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from((0, 2, 4, 256)))  # few of them are full of ties
    image = rng.integers(0, levels, shape).astype(float) if levels else 256 * rng.random(shape)
    if dtype.kind == "f" and draw(st.booleans()):
        image = image / 255
    if dtype in (np.float32, np.float64):
        image = image * draw(st.sampled_from((1, 1, 1e-25, 1e-6, 1e5, 1e15)))
    if dtype.kind in "if" and not options["transform_sqrt"]:
        image = image - image.mean()
    return lay_out(draw, image.astype(dtype)), options


def lay_out(draw: st.DrawFn, image: np.ndarray) -> np.ndarray:
    """The same array in other memory."""
    form = draw(st.sampled_from(("c", "fortran", "mirrored", "gaps", "read-only")))
    if form == "fortran":
        return np.asfortranarray(image)
    if form == "mirrored":
        return np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    if form == "gaps":
        wide = np.zeros([3 * s for s in image.shape], image.dtype)
        view = wide[tuple(slice(None, None, 3) for _ in image.shape)]
        view[...] = image
        return view
    image.flags.writeable = form != "read-only"
    return image
