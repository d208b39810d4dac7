"""Centred sums: against NumPy, merged, far from zero."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivfast.maps.moments import Moments


def moments_of(x: np.ndarray, y: np.ndarray, cuts: list[int] | None = None) -> Moments:
    result = Moments.zeros(x.shape[1], y.shape[1], torch.device("cpu"))
    for rows_x, rows_y in zip(np.split(x, cuts or []), np.split(y, cuts or []), strict=True):
        result.update(torch.from_numpy(rows_x), torch.from_numpy(rows_y))
    return result


def assert_same(a: Moments, b: Moments, relative: float) -> None:
    assert a.count == b.count
    for name in ("mean_x", "mean_y", "xx", "xy", "yy"):
        one, two = getattr(a, name), getattr(b, name)
        assert (one - two).abs().max() <= relative * two.abs().max(), name


def test_sums_are_numpys() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    m = moments_of(x, y, [10, 10, 11, 37])  # an empty piece and one of a single row among them
    assert m.count == 50
    both = np.cov(np.hstack([x, y]), rowvar=False, bias=True) * 50
    np.testing.assert_allclose(m.xx, both[:4, :4], rtol=1e-12)
    np.testing.assert_allclose(m.xy, both[:4, 4:], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(m.yy, np.diag(both)[4:], rtol=1e-12)
    np.testing.assert_allclose(m.mean_x, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(m.mean_y, y.mean(0), rtol=1e-12)


def test_a_mean_far_above_the_spread_costs_no_digits() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(1000, 3)), rng.normal(size=(1000, 2))
    # 2^27 is exact in float64 next to 27 digits of fraction: the shifted numbers differ by the shift alone.
    x, y = np.round(x * 2**20) / 2**20, np.round(y * 2**20) / 2**20
    near, far = moments_of(x, y, [400]), moments_of(x + 2.0**27, y - 2.0**27, [400])
    np.testing.assert_allclose(far.xx, near.xx, rtol=1e-7, atol=1e-5)
    np.testing.assert_allclose(far.yy, near.yy, rtol=1e-7)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 4), st.integers(1, 3))
def test_merging_is_streaming_on(first: int, second: int, p: int, q: int) -> None:
    rng = np.random.default_rng(first * 21 + second)
    x, y = rng.normal(3, 1, size=(first + second, p)), rng.normal(size=(first + second, q))
    a, b = moments_of(x[:first], y[:first]), moments_of(x[first:], y[first:])
    assert_same(a.merged(b), moments_of(x, y), 1e-12)
    assert a.count == first  # the parts are left as they are


def test_a_selection_is_the_moments_of_the_selected() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 5)), rng.normal(size=(30, 4))
    columns, rows = [4, 0, 2], [3, 1]
    part = moments_of(x, y).select(torch.tensor(columns), torch.tensor(rows))
    assert_same(part, moments_of(x[:, columns], y[:, rows]), 1e-12)
