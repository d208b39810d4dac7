"""low_rank: against reduced-rank regression from raw data, by whitening and by alternating least squares."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from equivfast import groups, maps
from equivfast.groups import Grid

GRID = Grid.centred(3, 3, 8)


def pairs(n: int, c: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, c, 3, 3)) * rng.uniform(0.2, 3, (c, 1, 1)) + rng.normal(size=(c, 1, 1))
    y = np.einsum("dc,nchw->ndhw", rng.normal(size=(d, c)), x[:, :, ::-1]) + 3 * rng.normal(size=(n, d, 3, 3))
    return x, y


def statistics(x: np.ndarray, y: np.ndarray, support: int = 1) -> maps.Statistics:
    return maps.Statistics(groups.vflip(), GRID, GRID, (x.shape[1], y.shape[1]), support=support).update(x, y)


def rows(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centred rows of moved inputs and outputs."""
    flat = [np.moveaxis(v, 1, -1).reshape(-1, v.shape[1]) for v in (x[:, :, ::-1], y)]
    return flat[0] - flat[0].mean(0), flat[1] - flat[1].mean(0)


def dense(m: maps.Map) -> np.ndarray:
    return m.weight.toarray() if hasattr(m.weight, "toarray") else m.weight


def penalised(x: np.ndarray, y: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """The same regression without a penalty: rows sqrt(lambda) I with outputs 0 are appended."""
    strength = ridge * np.square(x).sum(0).mean()
    x = np.vstack([x, np.sqrt(strength) * np.eye(x.shape[1])])
    return x, np.vstack([y, np.zeros((x.shape[1], y.shape[1]))])


@pytest.mark.parametrize("ridge", [0, 1e-2, 1.0])
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_it_is_the_best_map_of_its_rank(rank: int, ridge: float) -> None:
    """y ~ X A^T: with X = Q R the rank-r matrix R A^T nearest to Q^T y is its truncated SVD."""
    x, y = pairs(20, 6, 5, 0)
    a, b = penalised(*rows(x, y), ridge)
    q, r = np.linalg.qr(a)
    u, s, v = np.linalg.svd(q.T @ b, full_matrices=False)
    expected = np.linalg.solve(r, (u[:, :rank] * s[:rank]) @ v[:rank]).T
    found = maps.low_rank(statistics(x, y), rank, ridge)
    np.testing.assert_allclose(dense(found), expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.settings["fitted_share"], (s[:rank] ** 2).sum() / (s**2).sum())
    assert (found.settings["rank"], found.settings["ridge"]) == (rank, ridge)
    np.testing.assert_allclose(found.bias, y.mean((0, 2, 3)) - dense(found) @ x.mean((0, 2, 3)))


def test_no_search_from_other_starts_finds_a_better_one() -> None:
    x, y = pairs(20, 6, 5, 1)
    a, b = rows(x, y)
    weight, rng = dense(maps.low_rank(statistics(x, y), 2, 0)), np.random.default_rng(2)
    ours = np.square(b - a @ weight.T).sum()
    reached = []
    for _ in range(4):
        left = rng.normal(size=(5, 2))
        for _ in range(300):
            right = np.linalg.lstsq(a, b @ np.linalg.pinv(left).T, rcond=None)[0]
            left = np.linalg.lstsq(a @ right, b, rcond=None)[0].T
        reached.append(np.square(b - a @ right @ left.T).sum())
    assert min(reached) >= ours * (1 - 1e-12)
    np.testing.assert_allclose(min(reached), ours, rtol=1e-6)


@pytest.mark.parametrize(("c", "d"), [(6, 5), (3, 7)])
def test_full_rank_is_the_regression_itself(c: int, d: int) -> None:
    x, y = pairs(30, c, d, 3)
    s, full = statistics(x, y), min(c, d)
    a, b = rows(x, y)
    expected = np.linalg.lstsq(a, b, rcond=None)[0].T
    np.testing.assert_allclose(dense(maps.low_rank(s, full, ridge=0)), expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        dense(maps.low_rank(s, full, ridge=0.1)), dense(maps.solve(s, "ridge", ridge=0.1)), atol=1e-10
    )


def test_a_planted_rank_is_seen_and_recovered() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 10, 3, 3))
    planted = rng.normal(size=(8, 3)) @ rng.normal(size=(3, 10))
    y = np.einsum("dc,nchw->ndhw", planted, x[:, :, ::-1]) + rng.normal(size=(8, 1, 1))
    path = maps.low_rank_path(statistics(x, y), (1, 2, 3, 8), ridge=0)
    np.testing.assert_allclose(dense(path[2]), planted, atol=1e-9)
    shares = [m.settings["fitted_share"] for m in path]
    assert shares[0] < shares[1] < 1 - 1e-3 and min(shares[2:]) > 1 - 1e-12
    assert [np.linalg.matrix_rank(dense(m), tol=1e-6) for m in path] == [1, 2, 3, 3]


@pytest.mark.parametrize("support", [1, 3, None])
def test_a_path_is_its_maps_one_by_one_for_any_support(support: int | None) -> None:
    x, y = pairs(60, 4, 5, 5)
    s = statistics(x, y, support=3)
    ranks = (3, 1, 2)
    for rank, m in zip(ranks, maps.low_rank_path(s, ranks, 1e-3, support=support), strict=True):
        alone = maps.low_rank(s, rank, 1e-3, support=support)
        np.testing.assert_allclose(dense(m), dense(alone), rtol=1e-9, atol=1e-12)
        assert m.support == (support or 3) and m.settings["rank"] == rank


def test_a_larger_rank_never_fits_worse() -> None:
    x, y = pairs(30, 6, 6, 6)
    s = statistics(x, y)
    path = maps.low_rank_path(s, range(1, 7), ridge=0)
    variance = y.var((0, 2, 3))
    left = [((1 - maps.r_squared(m, s)) * variance).sum() for m in path]
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(left)) and left[-1] < left[0]


def test_fewer_rows_than_inputs_dead_channels_and_nothing_that_varies() -> None:
    x, y = pairs(4, 20, 6, 7)
    x[:, 3], y[:, 2] = 1.0, 4.0
    s = statistics(x[:2], y[:2], support=3)  # 2 rows of the single inner cell, 180 inputs
    for ridge in (0, 1e-3):
        found = maps.low_rank(s, 6, ridge)
        assert found.settings["underdetermined"] and np.isfinite(dense(found)).all()
        np.testing.assert_allclose(
            dense(found),
            dense(maps.solve(s, "ridge", ridge=ridge) if ridge else maps.solve(s, "least_squares")),
            atol=1e-9,
        )
    still = maps.low_rank(statistics(np.ones_like(x), np.ones_like(y)), 1)
    assert not dense(still).any() and still.bias.tolist() == [1.0] * 6 and still.settings["fitted_share"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"rank": 0}, r"^low_rank: rank must be a whole number from 1 to 2, got 0"),
        ({"rank": 3}, r"^low_rank: rank must be a whole number from 1 to 2, got 3"),
        ({"rank": True}, r"^low_rank: rank must be a whole number from 1 to 2, got True"),
        ({"rank": 1, "ridge": -1}, r"^low_rank: ridge must be a finite number of at least 0, got -1"),
        (
            {"rank": 1, "ridge": float("nan")},
            r"^low_rank: ridge must be a finite number of at least 0, got nan",
        ),
        ({"rank": 1, "support": 3}, r"^Statistics.problems: support must be at most 1, got 3"),
    ],
)
def test_what_it_refuses(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        maps.low_rank(statistics(*pairs(5, 3, 2, 8)), **arguments)


def test_a_path_of_no_ranks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^low_rank_path: ranks must hold at least one number, got none"):
        maps.low_rank_path(statistics(*pairs(5, 3, 2, 8)), ())
