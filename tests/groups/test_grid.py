"""Grids of cells, and what transformations do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equivfast import groups
from equivfast.groups import Grid, grid_action, neighbourhood

_similar = st.builds(
    lambda angle, factor, x, y: groups.translation(x, y) @ groups.rotation(angle) @ groups.scaling(factor),
    st.floats(-180, 180),
    st.floats(0.5, 2),
    st.floats(-30, 30),
    st.floats(-30, 30),
)
_symmetries = [groups.rotation(90 * k) @ m for k in range(4) for m in (groups.identity(), groups.hflip())]


def field(index: np.ndarray, weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Gather, by the rule of feature_transform: index -1 contributes 0."""
    flat = values.reshape(-1, values.shape[-1])
    return (np.where(index[..., None] >= 0, flat[index], 0) * weight[..., None]).sum(-2)


def test_centres_of_a_centred_grid() -> None:
    centres = Grid.centred(2, 3, stride=8).centres
    assert centres.shape == (2, 3, 2)
    assert centres[..., 0].tolist() == [[-8, 0, 8], [-8, 0, 8]]
    assert centres[..., 1].tolist() == [[-4, -4, -4], [4, 4, 4]]


def test_centres_of_a_grid_that_is_anchored_elsewhere() -> None:
    grid = Grid(2, 2, 4.0, (-3.5, 10.0))
    assert grid.centres[1, 0].tolist() == [-3.5, 14.0]
    assert grid.centres[0, 1].tolist() == [0.5, 10.0]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.5, 64), st.floats(-99, 99), st.floats(-99, 99))
def test_the_cell_of_a_centre_is_its_row_and_column(
    h: int, w: int, stride: float, x: float, y: float
) -> None:
    grid = Grid(h, w, stride, (x, y))
    expected = np.stack(np.meshgrid(np.arange(h), np.arange(w), indexing="ij"), axis=-1)
    assert np.allclose(grid.cells(grid.centres), expected, atol=1e-9)


def test_cells_are_row_and_column_not_x_and_y() -> None:
    assert Grid.centred(3, 5, stride=8).cells([16, -4]).tolist() == [0.5, 4.0]


def test_cropping_keeps_the_places_of_the_cells_that_stay() -> None:
    grid = Grid(7, 9, 8.0, (-30.0, -25.5))
    assert np.array_equal(grid.crop(2).centres, grid.centres[2:-2, 2:-2])
    assert grid.crop(0) == grid


@pytest.mark.parametrize("g", _symmetries, ids=lambda g: g.name)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_flips_and_quarter_turns_permute_a_centred_square(g: groups.Transform, interpolation: str) -> None:
    action = grid_action(g, Grid.centred(4, 4, stride=8), interpolation=interpolation)
    assert action.index.shape == action.weight.shape == (4, 4, 1)
    assert sorted(action.index.ravel()) == list(range(16))
    assert (action.weight == 1).all()
    assert action.mask.all()
    assert action.index.dtype == np.int64
    # A field of numbers moves as an image of numbers does.
    numbers = np.arange(16.0).reshape(4, 4)
    assert np.array_equal(numbers.ravel()[action.index[..., 0]], groups.warp(numbers, g)[0])


def test_a_flip_permutes_a_centred_grid_that_is_not_square() -> None:
    assert grid_action(groups.hflip(), Grid.centred(2, 3, 8)).index[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert grid_action(groups.vflip(), Grid.centred(2, 3, 8)).index[..., 0].tolist() == [[3, 4, 5], [0, 1, 2]]


def test_a_shift_by_a_cell_moves_cells_and_leaves_a_column_unknown() -> None:
    action = grid_action(groups.translation(8, 0), Grid.centred(2, 3, 8), interpolation="bilinear")
    assert action.index[..., 0].tolist() == [[-1, 0, 1], [-1, 3, 4]]
    assert action.mask.tolist() == [[False, True, True], [False, True, True]]


def test_rounding_below_a_millionth_of_a_cell_does_not_blend() -> None:
    grid = Grid.centred(3, 3, 8)
    near = grid_action(groups.translation(8 * 0.9e-6, 0), grid, interpolation="bilinear")
    assert near.index.shape[-1] == 1
    far = grid_action(groups.translation(8 * 1.1e-6, 0), grid, interpolation="bilinear")
    assert far.index.shape[-1] == 4


@settings(deadline=None)
@given(_similar)
def test_bilinear_reads_a_linear_field_at_the_transformed_points(g: groups.Transform) -> None:
    source, target = Grid(9, 11, 8.0, (-41.0, -30.5)), Grid.centred(5, 6, 6.0)
    action = grid_action(g, source, target, "bilinear")
    back = g.inverse()(target.centres)
    got = field(action.index, action.weight, source.centres)
    assert np.allclose(got[action.mask], back[action.mask], atol=1e-4)
    assert np.allclose(action.weight.sum(-1), 1, atol=1e-12)
    assert (action.weight >= 0).all()
    assert np.array_equal(action.mask, (action.index >= 0).all(-1))
    cells = source.cells(back)
    inside = ((cells >= 0) & (cells <= [source.height - 1, source.width - 1])).all(-1)
    clear = np.minimum(np.abs(cells), np.abs(cells - [source.height - 1, source.width - 1])).min(-1) > 1e-5
    assert np.array_equal(action.mask[clear], inside[clear])


@settings(deadline=None)
@given(_similar)
def test_nearest_reads_a_cell_at_most_half_a_stride_away(g: groups.Transform) -> None:
    source, target = Grid(9, 11, 8.0, (-41.0, -30.5)), Grid.centred(5, 6, 6.0)
    action = grid_action(g, source, target, "nearest")
    back = g.inverse()(target.centres)
    got = field(action.index, action.weight, source.centres)
    assert (np.abs(got - back)[action.mask] <= 4 + 1e-4).all()
    assert action.index.shape == (5, 6, 1)
    cells = source.cells(back)
    outside = ((cells < -0.51) | (cells > [source.height - 0.49, source.width - 0.49])).any(-1)
    assert not action.mask[outside].any()


def test_half_way_between_two_cells_nearest_takes_the_upper_the_left_one() -> None:
    grid = Grid.centred(3, 3, 8)
    index = grid_action(groups.translation(4, 0), grid).index[..., 0]
    assert index.tolist() == [[-1, 0, 1], [-1, 3, 4], [-1, 6, 7]]
    index = grid_action(groups.translation(0, -4), grid).index[..., 0]
    assert index.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    # Rounding on either side of half-way does not decide.
    for nudge in (-1e-9, 1e-9):
        again = grid_action(groups.translation(4 + nudge, 0), grid).index[..., 0]
        assert again.tolist() == [[-1, 0, 1], [-1, 3, 4], [-1, 6, 7]]


def test_corners_of_no_weight_do_not_count_as_outside() -> None:
    # Half a cell down on a single column: left and right corners have weight 0, and there is no right column.
    action = grid_action(groups.translation(0, -4), Grid.centred(3, 1, 8), interpolation="bilinear")
    assert action.mask[:, 0].tolist() == [True, True, False]
    assert action.weight[0, 0].tolist() == [0.5, 0, 0.5, 0]
    assert (action.index[:2] >= 0).all()


def test_far_away_is_outside_and_nothing_wraps_round() -> None:
    action = grid_action(groups.translation(1e300, -1e300), Grid.centred(3, 3, 8))
    assert (action.index == -1).all()
    assert not action.mask.any()


def test_neighbourhood_of_the_identity_by_hand() -> None:
    index = neighbourhood(groups.identity(), Grid.centred(3, 3, 8), None, 3)
    assert index.shape == (3, 3, 9)
    assert index.dtype == np.int64
    assert index[1, 1].tolist() == list(range(9))
    assert index[0, 0].tolist() == [-1, -1, -1, -1, 0, 1, -1, 3, 4]
    assert index[2, 1].tolist() == [3, 4, 5, 6, 7, 8, -1, -1, -1]


@pytest.mark.parametrize(
    "g", [groups.rotation(45), groups.rotation(90), groups.scaling(1.25), groups.hflip()]
)
@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_middle_of_a_neighbourhood_is_the_nearest_cell(g: groups.Transform, size: int) -> None:
    source = Grid.centred(11, 11, 8)
    target = source.crop(3)
    index = neighbourhood(g, source, target, size)
    assert index.shape == (5, 5, size * size)
    nearest = grid_action(g, source, target).index[..., 0]
    assert np.array_equal(index[..., size * size // 2], nearest)
    inside = (
        nearest[..., None]
        + np.add.outer(11 * (np.arange(size) - size // 2), np.arange(size) - size // 2).ravel()
    )
    known = (index >= 0).all(-1)
    assert known.sum() >= 13
    assert np.array_equal(index[known], inside[known])


def test_neighbours_inside_count_even_when_the_middle_is_outside() -> None:
    index = neighbourhood(groups.translation(8, 0), Grid.centred(1, 2, 8), size=3)
    assert index[0, 0].tolist() == [-1, -1, -1, -1, -1, 0, -1, -1, -1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Grid(0, 3, 8, (0, 0)), r"Grid: height must be a whole number, 1 or more, got 0"),
        (lambda: Grid(3, 2.5, 8, (0, 0)), r"Grid: width must be a whole number, 1 or more, got 2\.5"),
        (lambda: Grid(3, 3, 0, (0, 0)), r"Grid: stride must be above 0, got 0"),
        (lambda: Grid(3, 3, math.nan, (0, 0)), r"Grid: stride must be a finite number, got nan"),
        (lambda: Grid(3, 3, 8, (0, math.inf)), r"Grid: offset must be two finite numbers"),
        (lambda: Grid(3, 3, 8, 4), r"Grid: offset must be two finite numbers \(x, y\), got 4"),
        (lambda: Grid.centred(3, -1, 8), r"Grid: width must be a whole number, 1 or more, got -1"),
        (lambda: Grid.centred(3, 3, 8).crop(-1), r"Grid\.crop: border must be a whole number, 0 or more"),
        (lambda: Grid.centred(4, 9, 8).crop(2), r"Grid\.crop: border must leave a cell of 4 x 9, got 2"),
        (
            lambda: Grid.centred(3, 3, 8).cells([1, 2, 3]),
            r"Grid\.cells: points must be \(\.\.\., 2\), got \(3,\)",
        ),
        (
            lambda: grid_action("hflip", Grid.centred(3, 3, 8)),
            r"grid_action: g must be a Transform, got 'hflip'",
        ),
        (lambda: grid_action(groups.hflip(), (3, 3)), r"grid_action: source must be a Grid, got \(3, 3\)"),
        (
            lambda: grid_action(groups.hflip(), Grid.centred(3, 3, 8), (3, 3)),
            r"grid_action: target must be a Grid or None, got \(3, 3\)",
        ),
        (
            lambda: grid_action(groups.hflip(), Grid.centred(3, 3, 8), interpolation="cubic"),
            r"grid_action: interpolation must be one of nearest, bilinear, got 'cubic'",
        ),
        (
            lambda: neighbourhood(groups.hflip(), Grid.centred(3, 3, 8), size=2),
            r"neighbourhood: size must be odd, got 2",
        ),
        (
            lambda: neighbourhood(groups.hflip(), Grid.centred(3, 3, 8), size=0),
            r"neighbourhood: size must be a whole number, 1 or more, got 0",
        ),
    ],
)
def test_spoiled_arguments_are_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
