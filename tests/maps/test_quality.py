"""R^2 from statistics alone, against R^2 of the predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from equivfast import groups, maps
from equivfast.groups import Grid

GRID = Grid.centred(4, 4, 8)


def statistics(x: np.ndarray, y: np.ndarray, **layout: Any) -> maps.Statistics:
    return maps.Statistics(groups.hflip(), GRID, GRID, (3, 2), **layout).update(x, y)


def pairs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pairs of one law, which is not the flip's."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3, 4, 4))
    return x, np.stack([x[:, 0, :, ::-1] - x[:, 1], x[:, 2]], 1) + 0.5 * rng.normal(size=(n, 2, 4, 4)) + 3


@pytest.mark.parametrize("method", ["least_squares", "ridge", "forward_selection"])
def test_held_out_r_squared_of_a_window_map(method: str) -> None:
    m = maps.solve(statistics(*pairs(60, 0), kind="window"), method)
    x, y = pairs(50, 1)
    expected = r2_score(y.reshape(50, -1), m(x).reshape(50, -1), multioutput="raw_values").reshape(2, 4, 4)
    for layout in ({"support": 3}, {"support": 5}, {"support": None}):
        found = maps.r_squared(m, statistics(x, y, kind="window", **layout))
        np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert found.min() < 0.5 < found.max()


def test_held_out_r_squared_of_a_shared_map() -> None:
    m = maps.solve(statistics(*pairs(60, 0)), "ridge")
    x, y = pairs(50, 1)
    inside = m.mask()
    assert inside.sum() == 4
    truth, guess = (np.moveaxis(v[:, :, inside], 1, -1).reshape(-1, 2) for v in (y, m(x)))
    found = maps.r_squared(m, statistics(x, y))
    np.testing.assert_allclose(found, r2_score(truth, guess, multioutput="raw_values"), rtol=1e-8)


def test_constant_outputs_score_one_or_nothing() -> None:
    x, y = pairs(20, 0)
    y[:, 0] = 2
    s = statistics(x, y, support=1)
    assert maps.r_squared(maps.solve(s, "least_squares"), s)[0] == 1
    wrong = maps.Map("shared", s.g, "none", np.zeros((2, 3)), np.zeros(2), (3, 2), GRID, GRID, support=1)
    assert maps.r_squared(wrong, s)[0] == 0


def test_what_does_not_belong_together_is_named() -> None:
    x, y = pairs(20, 0)
    m = maps.solve(statistics(x, y, kind="window"), "ridge")
    with pytest.raises(ValueError, match=r"^r_squared: map and statistics must have the same kind"):
        maps.r_squared(m, statistics(x, y))
    with pytest.raises(
        ValueError, match=r"^r_squared: the map must not read cells beyond the statistics' support$"
    ):
        maps.r_squared(m, statistics(x, y, kind="window", support=1))
    with pytest.raises(ValueError, match=r"^r_squared: statistics must hold pairs, got none$"):
        maps.r_squared(m, statistics(x[:0], y[:0], kind="window"))
