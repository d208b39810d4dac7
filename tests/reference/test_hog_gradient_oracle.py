"""The oracle's gradient against finite differences of the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.reference.hog import hog
from equivfast.reference.hog_gradient import hog_gradient


@pytest.mark.parametrize("assignment", ["nearest", "bilinear"])
@pytest.mark.parametrize("variant", ["uoctti", "dalal-triggs", "dpm"])
@pytest.mark.parametrize(
    ("shape", "cell", "n"), [((2, 17, 14), 4, 9), ((1, 12, 13), 3, 6), ((3, 9, 8), 1, 5)]
)
def test_finite_differences(shape: tuple[int, ...], cell: int, n: int, variant: str, assignment: str) -> None:
    """Smooth noise: no pixel comes near a kink. The cosine is taken in float64, or differences would see its steps."""
    rng = np.random.default_rng(sum(shape) + cell)
    settings = {"cell": cell, "orientations": n, "variant": variant, "assignment": assignment, "smooth": True}
    image = rng.random(shape)
    grad = rng.standard_normal(hog(image, **settings).shape)
    ours = hog_gradient(image, grad, **settings)
    step = 1e-6
    for _ in range(20):
        towards = rng.standard_normal(shape)
        ahead, behind = (hog(image + s * step * towards, **settings) for s in (1, -1))
        assert (ours * towards).sum() == pytest.approx(
            (grad * (ahead - behind)).sum() / (2 * step), rel=1e-5, abs=1e-5
        )


def test_a_flat_image_has_gradient_zero() -> None:
    grad = np.random.default_rng(0).standard_normal((31, 4, 4))
    assert not hog_gradient(np.full((1, 16, 16), 7.0), grad, 4).any()
