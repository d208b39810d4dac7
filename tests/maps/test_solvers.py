"""Least squares, ridge and forward selection against NumPy, scikit-learn and brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import OrthogonalMatchingPursuit, Ridge

from equivfast.maps import forward_selection as selection
from equivfast.maps.forward_selection import forward_selection, selection_path
from equivfast.maps.least_squares import least_squares, ridge
from equivfast.maps.moments import Moments


def moments_of(x: np.ndarray, y: np.ndarray) -> Moments:
    m = Moments.zeros(x.shape[1], y.shape[1], torch.device("cpu"))
    m.update(torch.from_numpy(x), torch.from_numpy(y))
    return m


def data(n: int, p: int, q: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * rng.uniform(0.2, 3, p) + rng.normal(size=p)
    return x, x @ rng.normal(size=(p, q)) + rng.normal(size=(n, q)) + 5


def lstsq(x: np.ndarray, y: np.ndarray) -> Any:
    return np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=1e-6)[0].T


@pytest.mark.parametrize(("n", "p"), [(60, 8), (9, 8), (8, 8), (5, 9), (5, 12), (2, 3), (2, 30)])
def test_least_squares_is_lstsq_of_the_centred_data(n: int, p: int) -> None:
    x, y = data(n, p, 3, seed=n)
    np.testing.assert_allclose(least_squares(moments_of(x, y)), lstsq(x, y), rtol=1e-7, atol=1e-8)


def test_dependent_and_constant_inputs_get_the_minimum_norm() -> None:
    x, y = data(50, 4, 2, seed=1)
    x = np.hstack([x, x[:, :2], x[:, 2:3] - 2 * x[:, 3:4] + 1, np.full((50, 1), 7.0)])
    weight = least_squares(moments_of(x, y)).numpy()
    np.testing.assert_allclose(weight, lstsq(x, y), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(weight[:, :2], weight[:, 4:6], rtol=1e-8)  # equal inputs share equally
    assert np.abs(weight[:, 7]).max() < 1e-12


def test_inputs_that_depend_on_each_other_up_to_float32_rounding_predict_exactly() -> None:
    """HOG's texture channels are sums of others: the Gram matrix is singular up to the rounding of the features."""
    rng = np.random.default_rng(2)
    plain = rng.uniform(0, 0.4, size=(3000, 30)).astype(np.float32)
    sums = plain.reshape(3000, 10, 3).sum(2, dtype=np.float32) * np.float32(0.2357)
    x = np.hstack([plain, sums]).astype(np.float64)
    y = x[:, rng.permutation(40)]
    weight = least_squares(moments_of(x[:2000], y[:2000])).numpy()
    predicted = (x[2000:] - x[:2000].mean(0)) @ weight.T + y[:2000].mean(0)
    assert np.abs(predicted - y[2000:]).max() < 1e-6
    assert np.abs(weight).max() < 2


def test_few_rows_that_depend_on_each_other() -> None:
    """Far fewer rows than inputs go another way: equal rows, constant and nearly equal inputs on that way."""
    x, y = data(8, 40, 3, seed=12)
    x = np.hstack([np.vstack([x, x[:3]]), np.full((11, 2), 5.0)])
    y = np.vstack([y, y[:3]])
    x[:, 1] = x[:, 0] * (1 + 1e-9)
    np.testing.assert_allclose(least_squares(moments_of(x, y)), lstsq(x, y), rtol=1e-7, atol=1e-8)
    assert not least_squares(moments_of(np.ones((3, 9)), y[:3])).any()


@pytest.mark.parametrize("strength", [1e-6, 1e-2, 3.0])
@pytest.mark.parametrize(("n", "p"), [(40, 6), (5, 9)])
def test_ridge_is_scikit_learns_with_lambda_in_units_of_the_mean_diagonal(
    n: int, p: int, strength: float
) -> None:
    x, y = data(n, p, 3, seed=p)
    centred = x - x.mean(0)
    alpha = strength * np.square(centred).sum(0).mean()
    expected = Ridge(alpha=alpha, solver="svd").fit(x, y).coef_
    np.testing.assert_allclose(ridge(moments_of(x, y), strength), expected, rtol=1e-6, atol=1e-8)


def test_ridge_does_not_depend_on_the_scale_or_the_number_of_rows() -> None:
    x, y = data(40, 6, 3, seed=3)
    weight = ridge(moments_of(x, y), 0.1)
    np.testing.assert_allclose(ridge(moments_of(100 * x, y), 0.1), weight / 100, rtol=1e-9)
    np.testing.assert_allclose(
        ridge(moments_of(np.tile(x, (3, 1)), np.tile(y, (3, 1))), 0.1), weight, rtol=1e-9
    )


def test_ridge_of_constant_inputs_is_zero_and_too_little_ridge_is_named() -> None:
    x, y = data(20, 3, 2, seed=4)
    assert not ridge(moments_of(np.ones_like(x), y), 0.1).any()
    with pytest.raises(ValueError, match=r"^ridge: strength is too small for these features, got 1e-30"):
        ridge(moments_of(np.hstack([x, x, x]), y), 1e-30)


def brute_force(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Greedy orthogonal least squares with a full regression for every candidate of every step."""
    x, y = x - x.mean(0), y - y.mean(0)
    weight = np.zeros((y.shape[1], x.shape[1]))
    for row, target in zip(weight, y.T, strict=True):
        chosen: list[int] = []
        for _ in range(k):
            residuals = {}
            for j in set(range(x.shape[1])) - set(chosen):
                fit = np.linalg.lstsq(x[:, [*chosen, j]], target, rcond=None)[0]
                residuals[j] = np.square(target - x[:, [*chosen, j]] @ fit).sum()
            chosen.append(min(residuals, key=residuals.__getitem__))
        row[chosen] = np.linalg.lstsq(x[:, chosen], target, rcond=None)[0]
    return weight


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(5, 9), st.integers(1, 3))
def test_forward_selection_is_greedy_orthogonal_least_squares(seed: int, k: int, p: int, q: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(25, p)) @ rng.normal(size=(p, p)) + 3  # correlated, so that greedy choices matter
    y = rng.normal(size=(25, q))
    weight = forward_selection(moments_of(x, y), k).numpy()
    np.testing.assert_allclose(weight, brute_force(x, y, k), rtol=1e-6, atol=1e-9)
    assert (np.count_nonzero(weight, axis=1) == k).all()


def test_forward_selection_is_not_matching_pursuit_unless_the_inputs_are_orthogonal() -> None:
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(np.hstack([np.ones((40, 1)), rng.normal(size=(40, 10))]))[0][:, 1:]
    y = rng.normal(size=(40, 4))
    pursuit = OrthogonalMatchingPursuit(n_nonzero_coefs=3).fit(basis, y).coef_
    np.testing.assert_allclose(forward_selection(moments_of(basis, y), 3), pursuit, atol=1e-10)


def test_all_inputs_selected_are_least_squares() -> None:
    x, y = data(60, 7, 3, seed=6)
    np.testing.assert_allclose(forward_selection(moments_of(x, y), 7), lstsq(x, y), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(forward_selection(moments_of(x, y), 50), lstsq(x, y), rtol=1e-8, atol=1e-9)


def test_a_row_ends_when_its_output_is_explained() -> None:
    x, _ = data(50, 6, 1, seed=7)
    y = np.stack([x[:, 3], x[:, 1] - 2 * x[:, 5], np.full(50, 4.0)], 1)
    expected = [[0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, -2], [0] * 6]
    weight = forward_selection(moments_of(x, y), 5).numpy()
    np.testing.assert_allclose(weight, expected, atol=1e-9)
    assert np.count_nonzero(weight, axis=1).tolist() == [1, 2, 0]


def test_constant_equal_and_dependent_inputs_are_passed_over() -> None:
    x, y = data(50, 3, 2, seed=8)
    noise = np.random.default_rng(9).normal(size=(50, 1))
    doubled = np.hstack([np.full((50, 1), 1e6), x, x, x[:, :1] + x[:, 1:2] + 1e-6 * noise, 1e-9 * noise])
    weight = forward_selection(moments_of(doubled, y), 6).numpy()
    assert np.isfinite(weight).all() and np.abs(weight).max() < 100
    assert not weight[:, [0, 4, 5, 6, 8]].any()  # of equal inputs the first is taken
    assert (np.count_nonzero(weight, axis=1) == 3).all()
    predicted = (doubled - doubled.mean(0)) @ weight.T
    np.testing.assert_allclose(predicted, (x - x.mean(0)) @ lstsq(x, y).T, atol=1e-4)
    assert not forward_selection(moments_of(np.ones((50, 3)), y), 2).any()


def test_blocks_of_outputs_do_not_change_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data(40, 8, 11, seed=10)
    whole = forward_selection(moments_of(x, y), 3)
    for size in (1, 4096):
        monkeypatch.setattr(selection, "_BLOCK_BYTES", size)
        np.testing.assert_allclose(forward_selection(moments_of(x, y), 3), whole, rtol=1e-12, atol=1e-14)


def test_more_entries_never_fit_worse() -> None:
    x, y = data(40, 8, 5, seed=11)
    m = moments_of(x, y)
    residuals = [
        np.square(y - y.mean(0) - (x - x.mean(0)) @ forward_selection(m, k).numpy().T).sum(0)
        for k in range(1, 9)
    ]
    assert all((b <= a * (1 + 1e-12)).all() for a, b in itertools.pairwise(residuals))


def side_by_side(x: np.ndarray, y: np.ndarray, parts: int) -> Moments:
    """The regressions of `parts` slices of the columns."""
    size, out = x.shape[1] // parts, y.shape[1] // parts
    columns, rows = (torch.arange(n * parts).reshape(parts, n) for n in (size, out))
    return moments_of(x, y).select(columns, rows)


@pytest.mark.parametrize("n", [60, 7])
def test_regressions_side_by_side_are_solved_as_each_by_itself(n: int) -> None:
    """More and fewer rows than inputs; one regression has inputs that depend on each other, one has constant ones."""
    x, y = data(n, 40, 8, seed=13)
    x[:, 12] = x[:, 10] - 2 * x[:, 13]
    x[:, 20:30] = 3.0
    together = side_by_side(x, y, 4)
    assert together.batch == (4,) and (together.rows is None) == (n > 10)
    alone = [moments_of(x[:, k * 10 : k * 10 + 10], y[:, k * 2 : k * 2 + 2]) for k in range(4)]
    for solver in (least_squares, lambda m: ridge(m, 1e-3), lambda m: forward_selection(m, 3)):
        found = solver(together)
        assert found.shape == (4, 2, 10)
        for one, moments in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, solver(moments), rtol=1e-7, atol=1e-9)
    assert not least_squares(together)[2].any()


def test_one_selection_gives_every_number_of_entries() -> None:
    x, y = data(60, 12, 9, seed=14)
    m = side_by_side(x, y, 3)
    for k, found in zip((4, 1, 3), selection_path(m, (4, 1, 3)), strict=True):
        np.testing.assert_allclose(found, forward_selection(m, k), rtol=1e-9, atol=1e-12)
