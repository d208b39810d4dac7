"""group_law and inverse_gap: closed forms, loops over raw rows, and both kinds of pairs against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from equivfast import groups, maps, measures
from equivfast.groups import Grid

QUARTER, HALF = groups.rotation(90), groups.rotation(180)
GRID = Grid.centred(6, 6, 8)


def data(c: int, seed: int, n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, c, 6, 6)) + rng.normal(size=(c, 1, 1))
    return x, np.rot90(x, 2, (2, 3)) + 0.5 * rng.normal(size=x.shape) + 1


def statistics(g: groups.Transform, x: np.ndarray, y: np.ndarray) -> maps.Statistics:
    return maps.Statistics(g, GRID, GRID, (x.shape[1],) * 2, support=1).update(x, y)


def planted(c: int, seed: int, map_of: Callable) -> tuple[maps.Map, maps.Map, maps.Map]:
    rng = np.random.default_rng(seed)
    made = [(rng.normal(size=(c, c)), rng.normal(size=c)) for _ in range(3)]
    return tuple(map_of(w, g, b) for (w, b), g in zip(made, (QUARTER, QUARTER, HALF), strict=True))  # type: ignore[return-value]


def test_it_is_what_the_rows_say(map_of: Callable) -> None:
    m_g, m_h, m_gh = planted(4, 0, map_of)
    x, y = data(4, 1)
    moved = np.moveaxis(np.rot90(x, 2, (2, 3)), 1, -1).reshape(-1, 4)
    truth = np.moveaxis(y, 1, -1).reshape(-1, 4)
    product = (moved @ m_h.weight.T + m_h.bias) @ m_g.weight.T + m_g.bias
    direct = moved @ m_gh.weight.T + m_gh.bias
    variance = np.square(truth - truth.mean(0)).sum()
    expected = [
        np.square(a - b).sum() / variance for a, b in ((product, truth), (direct, truth), (product, direct))
    ]
    for pairs in ((x, y), (torch.from_numpy(x), torch.from_numpy(y.copy())), statistics(HALF, x, y)):
        found = measures.group_law(m_g, m_h, m_gh, pairs)
        np.testing.assert_allclose([found.composed, found.direct, found.gap], expected, rtol=1e-9)


def test_the_product_itself_has_no_gap(map_of: Callable) -> None:
    m_g, m_h, _ = planted(4, 2, map_of)
    x, y = data(4, 3)
    for pairs in ((x, y), statistics(HALF, x, y)):
        found = measures.group_law(m_g, m_h, m_g @ m_h, pairs)
        assert found.gap < 1e-20 and found.composed == pytest.approx(found.direct)


def test_only_cells_read_from_inside_on_both_ways_count(map_of: Callable) -> None:
    """Two shifts by a cell and back: the first and the last columns come from outside; spoil them."""
    right, left = groups.translation(8, 0), groups.translation(-8, 0)
    there, back, still = (map_of(np.eye(2), g) for g in (right, left, groups.identity()))
    x, _ = data(2, 4)
    found = measures.group_law(back, there, still, (x, x))
    assert found == measures.GroupLaw(0.0, 0.0, 0.0)
    y = x.copy()
    y[..., -1] = 1e6  # moved out to the right, then 0 comes back
    assert measures.group_law(back, there, still, (x, y)).composed == 0
    y[..., 0] = 1e6
    assert measures.group_law(back, there, still, (x, y)).composed > 1


@pytest.mark.parametrize(
    ("supports", "border"), [((3, 3, 3), 2), ((1, 1, 3), 1), ((1, 3, 1), 1), ((3, 1, 1), 1)]
)
def test_a_larger_support_takes_more_of_the_border(
    supports: tuple[int, int, int], border: int, map_of: Callable
) -> None:
    rng = np.random.default_rng(5)
    m = [
        map_of(rng.normal(size=(2, 2, k, k)), g)
        for k, g in zip(supports, (QUARTER, QUARTER, HALF), strict=True)
    ]
    x, y = data(2, 6)
    found = measures.group_law(*m, (x, y))
    inner = np.s_[:, :, border:-border, border:-border]
    path, direct, truth = (v[inner] for v in (m[0](m[1](x)), m[2](x), y))
    variance = np.square(truth - truth.mean((0, 2, 3), keepdims=True)).sum()
    expected = [
        np.square(a - b).sum() / variance for a, b in ((path, truth), (direct, truth), (path, direct))
    ]
    np.testing.assert_allclose([found.composed, found.direct, found.gap], expected)
    with pytest.raises(
        ValueError, match=r"^group_law: maps must have support 1 for statistics, got 3; give fields"
    ):
        measures.group_law(*m, statistics(HALF, x, y))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_turns_by_45_degrees_keep_the_middle(interpolation: str) -> None:
    grid = Grid.centred(9, 9, 8)
    m = [
        maps.Map(
            "shared",
            groups.rotation(a),
            "cells",
            np.eye(1),
            np.zeros(1),
            (1, 1),
            grid,
            grid,
            1,
            interpolation,
        )
        for a in (45, 90)
    ]
    x = np.random.default_rng(7).normal(size=(3, 1, 9, 9))
    found = measures.group_law(m[0], m[0], m[1], (x, np.rot90(x, 1, (2, 3))))
    assert found.direct == 0 and 0 < found.composed < 2
    assert found.gap == found.composed


def test_many_images_in_portions_are_the_same(map_of: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    m = planted(3, 8, map_of)
    pairs = data(3, 9)
    whole = measures.group_law(*m, pairs)
    monkeypatch.setattr("equivfast.measures._paths._TOGETHER", 1)
    assert measures.group_law(*m, pairs).gap == pytest.approx(whole.gap, rel=1e-12)


def test_outputs_that_do_not_vary(map_of: Callable) -> None:
    still = map_of(np.eye(2), groups.identity())
    x = np.ones((2, 2, 6, 6))
    assert measures.group_law(still, still, still, (x, x)) == measures.GroupLaw(0.0, 0.0, 0.0)
    assert measures.group_law(still, still, still, (x, 2 * x)) == measures.GroupLaw(np.inf, np.inf, 0.0)


def test_an_inverse_and_the_map_of_the_inverse(map_of: Callable) -> None:
    rng = np.random.default_rng(10)
    weight, bias = rng.normal(size=(4, 4)), rng.normal(size=4)
    m = map_of(weight, QUARTER, bias)
    x, _ = data(4, 11)
    y = m(x)
    learned = maps.solve(statistics(groups.rotation(-90), y, x), "least_squares")
    for pairs in ((y, x), statistics(groups.rotation(-90), y, x)):
        found = measures.inverse_gap(m, learned, pairs)
        assert max(found.inverted, found.direct, found.gap) < 1e-9
        assert found.condition == pytest.approx(np.linalg.cond(weight))
    noisy = y + rng.normal(size=y.shape)
    learned = maps.solve(statistics(groups.rotation(-90), noisy, x), "least_squares")
    found = measures.inverse_gap(m, learned, (noisy, x))
    assert found.inverted > found.direct > 0.01  # the inverse undoes the map, and enlarges the noise
    assert found.gap == pytest.approx(
        found.inverted - found.direct, rel=1e-6
    )  # least squares: at right angles


@pytest.mark.parametrize("weight", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1, 1, 1e-17])])
def test_a_singular_map_is_reported_not_raised(weight: np.ndarray, map_of: Callable) -> None:
    m, back = map_of(weight, QUARTER), map_of(np.eye(3), groups.rotation(-90))
    x, y = data(3, 12)
    found = measures.inverse_gap(m, back, (x, y))
    assert (found.inverted, found.gap, found.condition) == (np.inf,) * 3
    assert 0 < found.direct < np.inf


def test_what_they_refuse(map_of: Callable) -> None:
    m_g, m_h, m_gh = planted(2, 13, map_of)
    x, y = data(2, 14)

    def refused(complaint: str, *arguments: Any, function: Callable = measures.group_law) -> None:
        with pytest.raises(ValueError, match=complaint):
            function(*arguments)

    refused(r"^group_law: m_gh must be of rot:90\*rot:90, got rot:90", m_g, m_h, m_g, (x, y))
    refused(r"^group_law: x must be \(n, 2, H, W\), got \(20, 1, 6, 6\)", m_g, m_h, m_gh, (x[:, :1], y))
    refused(r"^group_law: x and y must have one shape, got", m_g, m_h, m_gh, (x, y[:3]))
    refused(r"^group_law: y must hold finite floating-point numbers", m_g, m_h, m_gh, (x, y * np.nan))
    refused(r"^group_law: pairs must be Statistics or two fields \(x, y\), got ndarray", m_g, m_h, m_gh, x)
    refused(
        r"^group_law: statistics must be of rot:180, got rot:90", m_g, m_h, m_gh, statistics(QUARTER, x, y)
    )
    refused(r"^group_law: m_h must be a Map, got NoneType", m_g, None, m_gh, (x, y))
    other = map_of(np.eye(3), QUARTER)
    refused(
        r"^group_law: maps must have the same channels, got \[\(2, 2\), \(3, 3\)\]", m_g, other, m_gh, (x, y)
    )
    refused(
        r"^inverse_gap: m_inverse must be of rot:-90, got rot:90",
        m_g,
        m_g,
        (x, y),
        function=measures.inverse_gap,
    )
    far = [map_of(np.eye(2), g) for g in (groups.translation(80, 0), groups.translation(160, 0))]
    refused(r"^group_law: pairs must have cells that are read from inside", far[0], far[0], far[1], (x, y))
