"""Centred sums: against NumPy, merged, far from zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivfast.maps.blocks import gram
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


@pytest.mark.parametrize("rows", [9, 30, 700])
def test_several_selections_side_by_side(rows: int) -> None:
    """Few rows (kept), more than the inputs of a selection, and more than all inputs (only sums)."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(2, 1, size=(rows, 600)), rng.normal(size=(rows, 4))
    columns, outputs = rng.permutation(600)[:20].reshape(2, 10), np.array([[0, 3], [2, 1]])
    whole = moments_of(x, y, [4])
    many = whole.select(torch.tensor(columns), torch.tensor(outputs))
    assert many.batch == (2,) and (many.rows is not None) == (rows < 10)
    again = many.select(
        torch.tensor([[1, 0], [9, 5], [3, 4]]), torch.tensor([[1], [0], [1]]), torch.tensor([1, 0, 1])
    )
    picked = [(1, [1, 0], 1), (0, [9, 5], 0), (1, [3, 4], 1)]
    for k in range(2):
        assert_same(many.part(k), moments_of(x[:, columns[k]], y[:, outputs[k]]), 1e-12)
    for k, (of, at, out) in enumerate(picked):
        assert_same(again.part(k), moments_of(x[:, columns[of][at]], y[:, outputs[of][[out]]]), 1e-12)


def test_a_large_gram_matrix_is_that_of_numpy() -> None:
    x = np.random.default_rng(4).normal(size=(50, 1100))
    found = gram(torch.from_numpy(x))
    np.testing.assert_allclose(found, x.T @ x, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[:512, 1024:], found[1024:, :512].T)  # blocks above the diagonal are copies
    assert torch.equal(gram(torch.from_numpy(x)[None])[0], found)
