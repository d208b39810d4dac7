"""orthogonal: planted rotations, SciPy's Procrustes, and what the data leave open."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from equivfast import groups, maps
from equivfast.groups import Grid

GRID = Grid.centred(3, 4, 8)


def statistics(x: np.ndarray, y: np.ndarray, support: int = 1) -> maps.Statistics:
    return maps.Statistics(groups.hflip(), GRID, GRID, (x.shape[1], y.shape[1]), support=support).update(x, y)


def fields(c: int, seed: int, n: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, c, 3, 4)) * rng.uniform(0.3, 3, (c, 1, 1)) + rng.normal(size=(c, 1, 1))


def mixed(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.einsum("dc,nchw->ndhw", weight, x[..., ::-1])


def dense(m: maps.Map) -> np.ndarray:
    return m.weight.toarray() if hasattr(m.weight, "toarray") else m.weight


@pytest.mark.parametrize("support", [1, 3])
@pytest.mark.parametrize("c", [1, 2, 17])
def test_a_planted_rotation_is_recovered(c: int, support: int) -> None:
    planted = ortho_group.rvs(c, random_state=0) if c > 1 else np.array([[-1.0]])
    x = fields(c, 1)
    y = 2.5 * mixed(planted, x) + np.arange(c)[:, None, None]
    found = maps.orthogonal(statistics(x, y, support))
    np.testing.assert_allclose(dense(found), planted, atol=1e-9)
    assert found.settings["scale"] == 1 and found.settings["rank"] == c and found.support == 1
    scaled = maps.orthogonal(statistics(x, y, support), scaled=True)
    np.testing.assert_allclose(dense(scaled), 2.5 * planted, atol=1e-9)
    np.testing.assert_allclose(scaled(x), y, atol=1e-8)


def test_noise_leaves_scipys_procrustes() -> None:
    rng = np.random.default_rng(2)
    x = fields(8, 3)
    y = mixed(rng.normal(size=(8, 8)), x) + rng.normal(size=x.shape)
    a, b = (np.moveaxis(v, 1, -1).reshape(-1, 8) for v in (x[..., ::-1], y))
    a, b = a - a.mean(0), b - b.mean(0)
    rotation, total = orthogonal_procrustes(a, b)
    found = maps.orthogonal(statistics(x, y))
    np.testing.assert_allclose(dense(found), rotation.T, atol=1e-9)
    scaled = maps.orthogonal(statistics(x, y), scaled=True)
    np.testing.assert_allclose(scaled.settings["scale"], total / np.square(a).sum())
    left = [np.square(b - s * a @ rotation).sum() for s in np.array([0.9, 1, 1.1]) * scaled.settings["scale"]]
    assert left[1] == min(left)
    np.testing.assert_allclose(found.bias, y.mean((0, 2, 3)) - dense(found) @ x.mean((0, 2, 3)))


def test_what_the_data_leave_open_is_near_the_identity() -> None:
    x = fields(6, 4)
    x[:, [1, 4]] = 3.0
    planted = np.eye(6)
    planted[np.ix_([0, 2, 3, 5], [0, 2, 3, 5])] = ortho_group.rvs(4, random_state=5)
    found = maps.orthogonal(statistics(x, mixed(planted, x)))
    np.testing.assert_allclose(dense(found), planted, atol=1e-9)
    assert found.settings["rank"] == 4


@pytest.mark.parametrize("scaled", [False, True])
def test_it_is_orthogonal_also_from_two_rows_and_from_nothing(scaled: bool) -> None:
    one = Grid.centred(1, 1, 8)
    x = fields(5, 6)[:2, :, :1, :1]
    for value in (x, np.ones_like(x)):
        s = maps.Statistics(groups.identity(), one, one, (5, 5), support=1).update(value, 2 * value)
        weight = dense(maps.orthogonal(s, scaled))
        np.testing.assert_allclose(weight @ weight.T / (weight @ weight.T)[0, 0], np.eye(5), atol=1e-9)
        np.testing.assert_allclose(weight / weight[0, 0], np.eye(5), atol=1e-9)


def test_what_it_refuses() -> None:
    x = fields(3, 7)
    with pytest.raises(
        ValueError, match=r"^orthogonal: statistics must have as many input as output channels, got 3 and 2"
    ):
        maps.orthogonal(statistics(x, x[:, :2]))
    window = maps.Statistics(groups.hflip(), GRID, GRID, (1, 1), kind="window")
    with pytest.raises(ValueError, match=r"^orthogonal: statistics must be of kind 'shared', got 'window'"):
        maps.orthogonal(window)
