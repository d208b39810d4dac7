"""matched_permutation: planted permutations, the assignment by brute force, dead and lonely channels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from equivfast import groups, maps
from equivfast.groups import Grid

GRID = Grid.centred(4, 5, 8)


def statistics(x: np.ndarray, y: np.ndarray, g: Any = None, support: int = 1) -> maps.Statistics:
    g = g or groups.hflip()
    return maps.Statistics(g, GRID, GRID, (x.shape[1], y.shape[1]), support=support).update(x, y)


def fields(c: int, seed: int, n: int = 30) -> np.ndarray:
    """Correlated channels of unlike spreads and means, some far from 0."""
    rng = np.random.default_rng(seed)
    mixed = np.einsum(
        "dc,nchw->ndhw", np.eye(c) + 0.3 * rng.normal(size=(c, c)), rng.normal(size=(n, c, 4, 5))
    )
    return mixed * rng.uniform(0.01, 30, (c, 1, 1)) + 50 * rng.normal(size=(c, 1, 1))


def rows(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


@pytest.mark.parametrize("support", [1, 3])
@pytest.mark.parametrize("name", ["hflip", "rot180", "shift:8,0"])
def test_a_planted_permutation_with_signs_and_factors_is_recovered(name: str, support: int) -> None:
    rng, g = np.random.default_rng(0), groups.parse(name)
    x, order = fields(24, 1), rng.permutation(24)
    factor = rng.choice([-1.0, 1.0], 24) * rng.uniform(0.2, 4, 24)
    y = maps.cells(g, GRID, 24)(x)[:, order] * factor[:, None, None] + rng.normal(size=(24, 1, 1))
    expected = np.zeros((24, 24))
    expected[np.arange(24), order] = factor
    s = statistics(x, y, g, support)
    found = maps.matched_permutation(s, signed=True, scaled=True)
    np.testing.assert_allclose(found.weight.toarray(), expected, rtol=1e-9)
    inside = found.mask()
    np.testing.assert_allclose(found(x)[:, :, inside], y[:, :, inside], atol=1e-9)
    assert found.settings["order"] == order.tolist() and found.support == 1 and found.g == g
    np.testing.assert_allclose(found.settings["correlation"], np.sign(factor))
    plain = maps.matched_permutation(s, signed=True)
    np.testing.assert_array_equal(plain.weight.toarray(), np.sign(expected))


def test_the_assignment_is_the_best_of_all() -> None:
    x = fields(6, 2)
    rng = np.random.default_rng(3)
    y = np.einsum("dc,nchw->ndhw", rng.normal(size=(6, 6)) / x.std((0, 2, 3)), x[..., ::-1])
    y += rng.normal(size=y.shape)
    r = np.corrcoef(rows(y).T, rows(x[..., ::-1]).T)[:6, 6:]
    for signed in (False, True):
        score = np.abs(r) if signed else r
        best = max(itertools.permutations(range(6)), key=lambda p: sum(score[i, j] for i, j in enumerate(p)))
        found = maps.matched_permutation(statistics(x, y), signed=signed)
        assert found.settings["order"] == list(best)
        np.testing.assert_allclose(found.settings["correlation"], [r[i, j] for i, j in enumerate(best)])


def test_factor_and_bias_are_the_regression_of_each_pair() -> None:
    x, rng = fields(5, 4), np.random.default_rng(5)
    y = x[:, ::-1, :, ::-1] * np.array([2, -1, 0.5, 1, 3])[:, None, None] + rng.normal(size=x.shape)
    found = maps.matched_permutation(statistics(x, y), signed=True, scaled=True)
    weight = found.weight.toarray()
    for i, j in enumerate(found.settings["order"]):
        slope, intercept = np.polyfit(rows(x[..., ::-1])[:, j], rows(y)[:, i], 1)
        np.testing.assert_allclose([weight[i, j], found.bias[i]], [slope, intercept], rtol=1e-7)
    unscaled = maps.matched_permutation(statistics(x, y), signed=True)
    expected = y.mean((0, 2, 3)) - unscaled.weight @ x.mean((0, 2, 3))
    np.testing.assert_allclose(unscaled.bias, expected, rtol=1e-9)


def test_without_signs_a_factor_is_never_negative() -> None:
    x = fields(1, 6)
    s = statistics(x, -x[..., ::-1])
    found = maps.matched_permutation(s, scaled=True)
    assert found.weight.nnz == 0 and found.bias[0] == pytest.approx(-x.mean())
    np.testing.assert_allclose(found.settings["correlation"], [-1])
    np.testing.assert_allclose(maps.matched_permutation(s, signed=True, scaled=True).weight, [[-1]])


def test_dead_channels_come_last_with_weight_0() -> None:
    x, order = fields(6, 7).astype(np.float32), [3, 5, 0, 1, 4, 2]
    x[:, 1], x[:, 4] = 0.1, 0.0
    y = x[:, order][..., ::-1].copy()
    found = maps.matched_permutation(statistics(x, y), scaled=True)
    expected = np.eye(6)[order]
    expected[[3, 4]] = 0
    np.testing.assert_allclose(found.weight.toarray(), expected, atol=1e-12)
    assert found.settings["dead"] == [2, 2] and found.settings["correlation"][3:5] == [0.0, 0.0]
    assert sorted(found.settings["order"]) == list(range(6))
    np.testing.assert_allclose(found(x), y, atol=1e-4)


def test_a_live_channel_is_not_given_away_for_a_dead_one() -> None:
    """Left to the sum of correlations, two pairs with a dead channel (0 + 0) beat a live pair (-1) and a dead one."""
    x = fields(2, 8)
    x[:, 1] = 7
    y = np.stack([-x[:, 0], x[:, 1]], 1)[..., ::-1]
    found = maps.matched_permutation(statistics(x, y))
    assert found.settings["order"] == [0, 1]
    assert found.weight.toarray().tolist() == [[1, 0], [0, 0]]


def test_nothing_varies() -> None:
    x = np.full((3, 2, 4, 5), 2.5)
    found = maps.matched_permutation(statistics(x, x + 1), signed=True, scaled=True)
    assert found.weight.nnz == 0 and found.bias.tolist() == [3.5, 3.5]


@pytest.mark.parametrize(("c", "d"), [(5, 3), (3, 5)])
def test_unlike_numbers_of_channels(c: int, d: int) -> None:
    x = fields(c, 9)
    noise = np.random.default_rng(10).normal(size=(30, d, 4, 5))
    y = noise
    y[:, :3] += 100 * (x[:, [2, 0, 1]] / x.std((0, 2, 3), keepdims=True)[:, [2, 0, 1]])[..., ::-1]
    found = maps.matched_permutation(statistics(x, y))
    assert found.settings["order"] == [2, 0, 1, -1, -1][:d]
    np.testing.assert_allclose(found.bias[3:], y.mean((0, 2, 3))[3:])


def test_more_freedom_never_fits_worse() -> None:
    x, rng = fields(12, 11), np.random.default_rng(12)
    y = x[:, rng.permutation(12), :, ::-1] + 20 * rng.normal(size=x.shape)
    s = statistics(x, y)
    control = maps.cells(s.g, GRID, 12)
    free, least = maps.matched_permutation(s, scaled=True), maps.solve(s, "least_squares")
    scores = [maps.r_squared(m, s).mean() for m in (control, free, least)]
    assert scores == sorted(scores)


def test_what_it_refuses() -> None:
    grid = Grid.centred(2, 2, 8)
    window = maps.Statistics(groups.hflip(), grid, grid, (1, 1), kind="window")
    with pytest.raises(
        ValueError, match=r"^matched_permutation: statistics must be of kind 'shared', got 'w"
    ):
        maps.matched_permutation(window)
    empty = maps.Statistics(groups.hflip(), grid, grid, (1, 1), support=1)
    with pytest.raises(
        ValueError, match=r"^matched_permutation: statistics must hold at least 2 rows, got 0"
    ):
        maps.matched_permutation(empty)


def test_saved_settings_come_back(tmp_path: Any) -> None:
    x = fields(4, 13)
    found = maps.matched_permutation(statistics(x, x[..., ::-1]), scaled=True)
    found.save(tmp_path / "m.safetensors")
    assert maps.load(tmp_path / "m.safetensors").settings == found.settings
