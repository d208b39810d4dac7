"""Products and inverses of maps: the algebra where it is exact, an error or a note where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from equivfast import groups, maps
from equivfast.groups import Grid, Transform
from equivfast.maps import Map

SQUARE = Grid.centred(4, 4, 8)
SYMMETRIES = [groups.rotation(90 * k) @ f for k in range(4) for f in (groups.identity(), groups.hflip())]

TURN = groups.rotation(33) @ groups.translation(3, -2)


def shared(g: Transform, c: int = 3, d: int = 3, m: int = 1, seed: int = 0, **fields: Any) -> Map:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(d, c * m * m))
    return Map("shared", g, "test", weight, rng.normal(size=d), (c, d), SQUARE, SQUARE, m, **fields)


def window(source: Grid, target: Grid, c: int = 2, d: int = 2, share: float = 1, seed: int = 0) -> Map:
    rng = np.random.default_rng(seed)
    shape = (d * target.height * target.width, c * source.height * source.width)
    weight = rng.normal(size=shape) * (rng.random(shape) <= share)
    return Map(
        "window", groups.rotation(90), "test", weight, rng.normal(size=shape[0]), (c, d), source, target, None
    )


def field(n: int = 5, c: int = 3, size: tuple[int, int] = (4, 4)) -> np.ndarray:
    return np.random.default_rng(9).normal(size=(n, c, *size))


@given(st.sampled_from(SYMMETRIES), st.sampled_from(SYMMETRIES), st.integers(1, 4), st.integers(1, 4))
def test_shared_maps_compose_exactly_under_flips_and_turns(
    g: Transform, h: Transform, c: int, d: int
) -> None:
    second, first = shared(g, c, d, seed=1), shared(h, 3, c, seed=2)
    both = second @ first
    assert both.g == g @ h and both.settings["cells_exact"]
    np.testing.assert_allclose(both(field()), second(first(field())), atol=1e-12)


def test_composition_is_associative_and_permutations_stay_sparse() -> None:
    a, b, c = (shared(g, seed=i) for i, g in enumerate(SYMMETRIES[2:5]))
    np.testing.assert_allclose(((a @ b) @ c)(field()), (a @ (b @ c))(field()), atol=1e-12)
    flip = maps.permutation(groups.hflip(), SQUARE, np.arange(8)[::-1])
    turn = maps.permutation(groups.rotation(90), SQUARE, np.roll(np.arange(8), 2))
    assert isinstance((turn @ flip).weight, csr_array) and (turn @ flip).nonzero_share == 1 / 8
    x = field(c=8)
    np.testing.assert_array_equal((flip @ flip)(x), x)
    np.testing.assert_array_equal((turn @ turn @ turn @ turn)(x), x)
    np.testing.assert_array_equal((turn @ flip)(x), turn(flip(x)))


def test_a_product_that_rounds_cells_says_so() -> None:
    g = groups.rotation(45)
    both = shared(g, seed=1) @ shared(g, seed=2)
    assert both.g == groups.rotation(90) and both.settings["cells_exact"] is False
    # One turn of 90 degrees loses no cell; two roundings at 45 degrees do: this is what the note is about.
    assert both.mask().all()
    assert np.abs(both(field()) - shared(g, seed=1)(shared(g, seed=2)(field()))).max() > 0.1
    assert (shared(groups.translation(8, 0)) @ shared(groups.hflip())).settings["cells_exact"]
    assert not (shared(groups.translation(4, 0)) @ shared(groups.hflip())).settings["cells_exact"]


def lattices(g: Transform) -> list[tuple[int, int]]:
    """Sizes of fields that the symmetry carries onto themselves."""
    return [(6, 6), (7, 7)] + ([(5, 8), (4, 6)] if not g.linear[0, 1] else [])


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("s", SYMMETRIES, ids=lambda s: s.name)
@pytest.mark.parametrize("m", [1, 3, 5])
def test_a_symmetry_after_a_map_is_exact_to_the_border(s: Transform, interpolation: str, m: int) -> None:
    first = shared(TURN, 2, 3, m, seed=1, interpolation=interpolation)
    second = shared(s, 3, 4, seed=2)
    both = second @ first
    assert (both.g, both.support, both.interpolation) == (s @ TURN, m, interpolation)
    for size in lattices(s):
        x = field(c=2, size=size)
        np.testing.assert_allclose(both(x), second(first(x)), atol=1e-10)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("s", SYMMETRIES, ids=lambda s: s.name)
@pytest.mark.parametrize("m", [1, 3, 5])
def test_a_symmetry_before_a_map_is_exact_to_the_border_where_it_has_no_bias(
    s: Transform, interpolation: str, m: int
) -> None:
    second = shared(TURN, 3, 2, m, seed=1, interpolation=interpolation)
    with_bias = shared(s, 4, 3, seed=2)
    without = replace(with_bias, bias=np.zeros(3))
    for first in (without, with_bias):
        both = second @ first
        assert (both.g, both.support, both.interpolation) == (TURN @ s, m, interpolation)
        for size in [*lattices(s), (15, 15)]:
            x = field(n=2, c=4, size=size)
            wanted, found = second(first(x)), both(x)
            inside = both.mask(both.grid(*size))
            assert size != (15, 15) or inside.any()
            np.testing.assert_allclose(found[..., inside], wanted[..., inside], atol=1e-10)
            if first is without:
                np.testing.assert_allclose(found, wanted, atol=1e-10)
            else:  # What comes from outside is 0 there, and not the bias.
                assert np.abs(found - wanted).max() > 0.1


def test_a_symmetry_before_a_map_turns_the_ties_of_nearest_cells() -> None:
    """Half-way between two cells `nearest` takes the left one, which a flip makes the right one."""
    half = shared(groups.translation(4, 0), m=3, seed=1)
    flip = replace(shared(groups.hflip(), seed=2), bias=np.zeros(3))
    x = field(size=(6, 6))
    np.testing.assert_allclose((flip @ half)(x), flip(half(x)), atol=1e-10)
    assert np.abs((half @ flip)(x) - half(flip(x))).max() > 0.1


def test_sparse_filters_stay_sparse_beside_a_symmetry() -> None:
    weight = csr_array(np.eye(8, 72, k=4))
    m = Map("shared", TURN, "test", weight, np.zeros(8), (8, 8), SQUARE, SQUARE, 3, "bilinear")
    turn = maps.permutation(groups.rotation(90), SQUARE, np.roll(np.arange(8), 2))
    x = field(c=8, size=(7, 7))
    for both, wanted in ((turn @ m, turn(m(x))), (m @ turn, m(turn(x)))):
        assert isinstance(both.weight, csr_array) and both.nonzero_share == m.nonzero_share
        np.testing.assert_allclose(both(x), wanted, atol=1e-12)


@pytest.mark.parametrize("share", [1, 0.1])
def test_window_maps_compose_exactly(share: float) -> None:
    large, middle, small = Grid.centred(5, 5, 8), SQUARE, Grid.centred(2, 3, 8)
    first, second = window(large, middle, 3, 2, share, seed=1), window(middle, small, 2, 4, share, seed=2)
    both = second @ first
    x = field(size=(5, 5))
    assert both.channels == (3, 4) and both.g == groups.rotation(180)
    np.testing.assert_allclose(both(x), second(first(x)), atol=1e-10)


@pytest.mark.parametrize(
    ("second", "first", "message"),
    [
        (
            shared(SYMMETRIES[2]),
            window(SQUARE, SQUARE),
            "both maps must be of one kind, got 'shared' and 'window'",
        ),
        (shared(SYMMETRIES[2], c=2), shared(SYMMETRIES[2]), "the second map must take 3 channels, got 2"),
        (shared(TURN, m=3), shared(TURN), "shared maps must have support 1, got 3"),
        (shared(TURN), shared(SYMMETRIES[2], m=3), "shared maps must have support 1, got 3"),
        (shared(SYMMETRIES[2], m=3), shared(SYMMETRIES[3], m=3), "shared maps must have support 1, got 3"),
        (
            shared(TURN, interpolation="bilinear"),
            shared(TURN),
            "shared maps must have the same interpolation and stride, got bilinear, 8.0 and nearest, 8.0",
        ),
        (
            window(SQUARE, SQUARE),
            window(SQUARE, Grid.centred(2, 2, 8)),
            r"the second map must take Grid\(height=2.*, got Grid\(height=4",
        ),
    ],
)
def test_what_does_not_compose_is_named(second: Map, first: Map, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^Map.__matmul__: {message}"):
        second @ first


@given(st.sampled_from(SYMMETRIES), st.integers(1, 5), st.integers(0, 10**6))
def test_the_inverse_of_a_shared_map_undoes_it(g: Transform, c: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = np.linalg.qr(rng.normal(size=(c, c)))[0] + 0.3 * np.eye(c)
    m = Map("shared", g, "test", weight, rng.normal(size=c), (c, c), SQUARE, SQUARE)
    back = m.inverse()
    assert back.g == g.inverse() and back.settings["cells_exact"]
    np.testing.assert_allclose(back(m(field(c=c))), field(c=c), atol=1e-9)
    np.testing.assert_allclose((m @ back)(field(c=c)), field(c=c), atol=1e-9)


def test_the_inverse_of_a_window_map_undoes_it() -> None:
    wide = Grid.centred(2, 8, 8)
    m = window(SQUARE, wide, seed=3)
    back = m.inverse()
    assert (back.source, back.target) == (wide, SQUARE)
    np.testing.assert_allclose(back(m(field(c=2))), field(c=2), atol=1e-9)
    flip = maps.permutation(groups.hflip(), SQUARE, [1, 0], kind="window")
    np.testing.assert_array_equal(flip.inverse()(field(c=2)), flip(field(c=2)))
    assert isinstance(flip.inverse().weight, csr_array)


def test_an_inverse_that_rounds_cells_says_so() -> None:
    assert shared(groups.rotation(45)).inverse().settings["cells_exact"] is False


def test_what_has_no_inverse_is_named() -> None:
    with pytest.raises(ValueError, match=r"^Map.inverse: the matrix must be square, got 2 x 3$"):
        shared(groups.hflip(), 3, 2).inverse()
    with pytest.raises(ValueError, match=r"^Map.inverse: shared maps must have support 1, got 3$"):
        shared(groups.hflip(), m=3).inverse()
    singular = Map("shared", groups.hflip(), "test", np.ones((2, 2)), np.zeros(2), (2, 2), SQUARE, SQUARE)
    with pytest.raises(ValueError, match=r"^Map.inverse: condition number must be at most 1e\+06, got inf$"):
        singular.inverse()
    steep = Map("shared", groups.hflip(), "test", np.diag([1, 1e-8]), np.zeros(2), (2, 2), SQUARE, SQUARE)
    with pytest.raises(
        ValueError, match=r"^Map.inverse: condition number must be at most 1e\+06, got 1e\+08$"
    ):
        steep.inverse()
    assert steep.inverse(max_condition=1e9).weight[1, 1] == pytest.approx(1e8)
