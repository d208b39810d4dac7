"""Hypothesis strategies: images full of ties and free of them, settings of hog, fields with their maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

DTYPES = (np.uint8, np.float32, np.float64)


@st.composite
def hog_settings(draw: st.DrawFn) -> dict[str, Any]:
    variant = draw(st.sampled_from(("uoctti", "dalal-triggs", "dpm")))
    return {
        "cell": draw(st.integers(1, 20)),
        "orientations": draw(st.integers(1, 16)),
        "variant": variant,
        "assignment": "nearest" if variant == "dpm" else draw(st.sampled_from(("nearest", "bilinear"))),
    }


def smallest_side(settings: dict[str, Any]) -> int:
    """Pixels that hold one cell of the output."""
    cell = settings["cell"]
    return -(-5 * cell // 2) if settings["variant"] == "dpm" else (cell + 1) // 2


@st.composite
def images(draw: st.DrawFn, smallest: int = 1, largest: int = 70) -> np.ndarray:
    """(n, c, h, w). Few grey levels give gradients that tie between bins and channels; noise gives none."""
    sides = st.integers(smallest, max(largest, smallest))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(sides), draw(sides))
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from((2, 4, 256, 0)))
    if levels:
        return rng.integers(0, levels, shape).astype(dtype)
    noise = rng.random(shape)
    return (255 * noise).astype(dtype) if dtype is np.uint8 else noise.astype(dtype)


@st.composite
def transforms(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of feature_transform, float64, as arrays."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, c, d = (draw(st.integers(1, 4)) for _ in range(3))
    h, w, H, W = (draw(st.integers(1, 9)) for _ in range(4))
    taps, m = draw(st.integers(0, 4)), draw(st.sampled_from((1, 3, 5)))
    cells = (H, W, taps) if taps else (H, W)
    dense = draw(st.booleans()) and m == 1
    return {
        "x": rng.standard_normal((n, c, h, w)),
        "index": rng.integers(-1, h * w, cells),
        "mix": rng.standard_normal((d, c) if dense else (d, c, m, m)),
        "weight": rng.standard_normal(cells) if draw(st.booleans()) else None,
        "bias": rng.standard_normal(d) if draw(st.booleans()) else None,
    }
