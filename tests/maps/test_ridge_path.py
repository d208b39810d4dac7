"""The ridge path against explicit solutions, in the dual and in the primal form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from equivfast import groups, maps
from equivfast.groups import Grid
from equivfast.maps.least_squares import least_squares, ridge
from equivfast.maps.moments import Moments
from equivfast.maps.ridge_path import RIDGE_STRENGTHS, path_errors

STRENGTHS = (1e-4, 1e-2, 1.0)


def rows(n: int, p: int, q: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(7).normal(size=(p, q)) / np.sqrt(p)
    x = rng.normal(2, 1, size=(n, p)) * np.linspace(0.1, 2, p)
    return x, x @ mix + rng.normal(0, 0.3, size=(n, q)) + 5


def moments(x: np.ndarray, y: np.ndarray) -> Moments:
    made = Moments.zeros(x.shape[1], y.shape[1], torch.device("cpu"))
    made.update(torch.from_numpy(x), torch.from_numpy(y))
    return made


@pytest.mark.parametrize("fitted,tested", [(20, 8), (20, 60), (80, 8), (80, 60)])
def test_path_errors_are_those_of_scikit_learn(fitted: int, tested: int) -> None:
    """Fewer and more rows than the 30 inputs, on both sides."""
    x, y = rows(fitted, 30, 4, 0)
    new_x, new_y = rows(tested, 30, 4, 1)
    found = path_errors(moments(x, y), moments(new_x, new_y), STRENGTHS)
    scale = np.square(x - x.mean(0)).sum() / 30
    for strength, error in zip(STRENGTHS, found.tolist(), strict=True):
        rival = Ridge(alpha=strength * scale, solver="svd").fit(x, y)
        assert error == pytest.approx(np.square(rival.predict(new_x) - new_y).sum(), rel=1e-9)


def window_statistics(x: np.ndarray, y: np.ndarray, support: int | None = None) -> maps.Statistics:
    grid = Grid.centred(3, 3, 8)
    s = maps.Statistics(groups.identity(), grid, grid, (4, 2), kind="window", support=support)
    return s.update(x.reshape(-1, 4, 3, 3), y.reshape(-1, 2, 3, 3))


@pytest.mark.parametrize("count", [25, 90])
@pytest.mark.parametrize("support", [1, 3, None])
def test_the_best_on_held_out_pairs_is_taken_and_refitted(count: int, support: int | None) -> None:
    x, y = rows(count, 36, 18, 2)
    new = rows(30, 36, 18, 3)
    fit, tune = window_statistics(x, y, support), window_statistics(*new, support)
    m = maps.ridge_path(fit, tune, support=support)
    path = m.settings["held_out_error"]
    assert m.settings["strengths"] == list(RIDGE_STRENGTHS) and len(path) == 20
    assert m.settings["ridge"] == RIDGE_STRENGTHS[int(np.argmin(path))]
    again = maps.solve(fit + tune, "ridge", support=support, ridge=m.settings["ridge"])
    np.testing.assert_array_equal(m.bias, again.bias)
    alone = maps.ridge_path(fit, tune, support=support, refit=False)
    exact = maps.solve(fit, "ridge", support=support, ridge=m.settings["ridge"])
    np.testing.assert_array_equal(alone.bias, exact.bias)
    if support is None:  # every regression had its say: the path is the error of the map itself
        predicted = exact(new[0].reshape(-1, 4, 3, 3)).reshape(30, -1)
        variance = np.square(new[1] - new[1].mean(0)).sum()
        assert min(path) == pytest.approx(np.square(predicted - new[1]).sum() / variance, rel=1e-9)


def test_fewer_rows_than_inputs_give_the_same_map_as_their_sums() -> None:
    x, y = rows(25, 36, 18, 4)
    few = moments(x, y)
    assert few.rows is not None
    sums = Moments.of(few.count, moments(x, y).sums)
    np.testing.assert_allclose(ridge(few, 1e-3), ridge(sums, 1e-3), atol=1e-9)
    np.testing.assert_allclose(least_squares(few), least_squares(sums), atol=1e-9)
    centred = np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)[0].T
    np.testing.assert_allclose(least_squares(few), centred, atol=1e-9)


def test_rows_become_sums_when_they_are_as_many_as_the_inputs() -> None:
    x, y = rows(40, 30, 2, 5)
    made = Moments.zeros(30, 2, torch.device("cpu"))
    for start in range(0, 40, 10):
        made.update(torch.from_numpy(x[start : start + 10]), torch.from_numpy(y[start : start + 10]))
        assert (made.rows is not None) == (start < 20)
    parts = moments(x[:10], y[:10]), moments(x[10:25], y[10:25]), moments(x[25:], y[25:])
    merged = parts[0].merged(parts[1]).merged(parts[2])
    for name in ("xx", "xy", "yy", "mean_x", "mean_y"):
        np.testing.assert_allclose(getattr(merged, name), getattr(made, name), rtol=1e-10, atol=1e-10)


def test_constant_features_leave_only_the_bias() -> None:
    x, y = np.ones((12, 36)), rows(12, 36, 18, 6)[1]
    m = maps.ridge_path(window_statistics(x, y), window_statistics(x, y))
    assert not m.weight.toarray().any() if hasattr(m.weight, "toarray") else not m.weight.any()
    np.testing.assert_allclose(m.bias, y.mean(0))


@pytest.mark.parametrize("strengths", [(), (0.0, 1.0), (float("nan"),)])
def test_strengths_must_be_positive(strengths: tuple[float, ...]) -> None:
    s = window_statistics(*rows(12, 36, 18, 0))
    with pytest.raises(ValueError, match="ridge_path: strengths must be finite numbers above 0"):
        maps.ridge_path(s, s, strengths=strengths)


def test_held_out_pairs_are_needed() -> None:
    s = window_statistics(*rows(12, 36, 18, 0))
    empty = window_statistics(np.empty((0, 36)), np.empty((0, 18)))
    with pytest.raises(ValueError, match="held_out 1, got 12 and 0"):
        maps.ridge_path(s, empty)
