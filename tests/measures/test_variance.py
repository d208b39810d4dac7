"""The variance ratio: closed forms, NumPy's variances, and streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from equivfast.measures import VarianceRatio, variance_ratio


def stack(seed: int, t: int = 5, n: int = 12, c: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(t, n, c, 4, 3)) * rng.uniform(0.1, 9, (c, 1, 1)) + 1e3 * rng.normal(
        size=(c, 1, 1)
    )


def test_it_is_numpys_variances() -> None:
    x = stack(0)
    sums = VarianceRatio().update(x)
    within, between = (x.var(axis, ddof=1).mean((0, 2, 3)) for axis in (0, 1))
    np.testing.assert_allclose(sums.within, within, rtol=1e-10)
    np.testing.assert_allclose(sums.between, between, rtol=1e-10)
    np.testing.assert_allclose(sums.ratio, within / between, rtol=1e-10)


def test_constant_over_transformations_is_0_and_independent_noise_is_1() -> None:
    x = np.random.default_rng(1).normal(size=(6, 400, 2, 8, 8))
    x[:, :, 0] = x[:1, :, 0]
    ratio = variance_ratio(x)
    assert ratio[0] < 1e-25
    assert ratio[1] == pytest.approx(1, abs=0.01)


def test_a_planted_share_is_found() -> None:
    """An image's own part of variance 4 and noise of variance 1: 1 / (4 + 1)."""
    rng = np.random.default_rng(2)
    x = 2 * rng.normal(size=(1, 2000, 1, 4, 4)) + rng.normal(size=(5, 2000, 1, 4, 4))
    assert variance_ratio(x)[0] == pytest.approx(0.2, abs=0.01)


def test_dead_channels_are_0_and_counted_and_pure_transformations_are_infinite() -> None:
    x = stack(3, c=5).astype(np.float32)
    x[:, :, 1], x[:, :, 3] = 0, 0.1
    x[:, :, 4] = np.arange(5.0)[:, None, None, None]
    sums = VarianceRatio().update(x)
    assert sums.dead == 2
    assert sums.ratio[[1, 3]].tolist() == [0, 0] and np.isinf(sums.ratio[4])
    assert 0.8 < sums.ratio[0] < 1.3


@pytest.mark.parametrize("sizes", [(12,), (1,) * 12, (5, 0, 7), (1, 11)])
def test_batches_do_not_matter(sizes: tuple[int, ...]) -> None:
    x, start, sums = stack(4), 0, VarianceRatio()
    for size in sizes:
        sums.update(torch.from_numpy(x[:, start : start + size]))
        start += size
    assert sums.count == 12
    np.testing.assert_allclose(sums.ratio, variance_ratio(x), rtol=1e-9)


def test_scale_and_offset_do_not_matter() -> None:
    x = stack(5)
    np.testing.assert_allclose(variance_ratio(1e-12 * x), variance_ratio(x), rtol=1e-9)
    np.testing.assert_allclose(variance_ratio(x + 1e5), variance_ratio(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (
            np.zeros((1, 4, 2, 3, 3)),
            r"stack must be \(t, n, c, H, W\) with t of at least 2, got \(1, 4, 2, 3, 3\)",
        ),
        (np.zeros((4, 2, 3, 3)), r"stack must be \(t, n, c, H, W\) with t of at least 2, got \(4, 2, 3, 3\)"),
        (np.full((2, 2, 1, 1, 1), np.nan), r"stack must be finite, got NaN or infinity"),
        (
            np.zeros((5, 2, 3, 4, 4)),
            r"stack must be \(t, n, c, H, W\) of \(5, 3, 4, 3\) without n, got \(5, 3, 4, 4\)",
        ),
    ],
)
def test_what_it_refuses(bad: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^VarianceRatio\.update: " + complaint):
        VarianceRatio().update(stack(6)).update(bad)


def test_one_image_has_no_variance() -> None:
    with pytest.raises(ValueError, match=r"^VarianceRatio: there must be at least 2 images, got 1"):
        _ = VarianceRatio().update(stack(7, n=1)).ratio
