"""The exact map and the two controls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from equivfast import groups, maps
from equivfast.groups import Grid, Transform
from equivfast.representations import HOG

GRID = Grid.centred(4, 4, 8)
FIELD = np.random.default_rng(0).normal(size=(3, 4, 4, 4))
# What the cells of an array do, by NumPy's own flips and turns (which count from the upper left, y down).
MOVES = [
    (groups.hflip(), lambda x: x[..., ::-1]),
    (groups.vflip(), lambda x: x[..., ::-1, :]),
    (groups.rotation(90), lambda x: np.rot90(x, axes=(-2, -1))),
    (groups.rotation(180), lambda x: x[..., ::-1, ::-1]),
    (groups.rotation(90) @ groups.hflip(), lambda x: np.rot90(x[..., ::-1], axes=(-2, -1))),
    (groups.translation(8, -16), lambda x: np.pad(x, ((0, 0), (0, 0), (0, 2), (1, 0)))[..., 2:, :4]),
]


@pytest.mark.parametrize("kind", ["window", "shared"])
@pytest.mark.parametrize(("g", "move"), MOVES, ids=[g.name for g, _ in MOVES])
def test_cells_move_and_channels_permute(g: Transform, move: Any, kind: str) -> None:
    order = np.array([2, 0, 3, 1])
    np.testing.assert_array_equal(maps.permutation(g, GRID, order, kind=kind)(FIELD), move(FIELD)[:, order])
    np.testing.assert_array_equal(maps.cells(g, GRID, 4, kind=kind)(FIELD), move(FIELD))
    np.testing.assert_array_equal(maps.identity(GRID, 4, kind=kind)(FIELD), FIELD)


def test_window_maps_reach_into_a_smaller_target() -> None:
    target = GRID.crop(1)
    for g, move in MOVES[:4]:
        found = maps.permutation(g, GRID, [3, 2, 1, 0], kind="window", target=target)
        np.testing.assert_array_equal(found(FIELD), move(FIELD)[:, ::-1, 1:3, 1:3])
    inner = maps.identity(GRID, 4, kind="window", target=target)
    np.testing.assert_array_equal(inner(FIELD), FIELD[:, :, 1:3, 1:3])
    assert inner.nonzero_share == 1 / 64


def test_cells_go_to_the_nearest_where_none_is_hit() -> None:
    g = groups.rotation(45)
    index = groups.grid_action(g, GRID).index.reshape(-1)
    expected = np.where(index >= 0, FIELD.reshape(3, 4, -1)[:, :, index], 0).reshape(FIELD.shape)
    for kind in ("window", "shared"):
        np.testing.assert_array_equal(maps.cells(g, GRID, 4, kind=kind)(FIELD), expected)


@pytest.mark.parametrize("g", [g for g, _ in MOVES[:4]], ids=lambda g: g.name)
def test_hog_permutes(g: Transform) -> None:
    """The image flips, the field follows: to rounding, on every cell, bins, blocks and all."""
    phi = HOG(orientations=8)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    m = maps.permutation(g, phi.grid(64, 64), phi.channel_action(g))
    assert (m(phi(x)) - phi(groups.warp(x, g)[0])).abs().max() < 1e-5
    assert (
        maps.cells(g, phi.grid(64, 64), phi.channels)(phi(x)) - phi(groups.warp(x, g)[0])
    ).abs().max() > 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: maps.permutation(groups.hflip(), GRID, None),
            "permutation: .* it has no such action for hflip",
        ),
        (
            lambda: maps.permutation(groups.hflip(), GRID, [0, 0]),
            r"permutation: channel_action .*, got \[0, 0\]",
        ),
        (
            lambda: maps.permutation(groups.hflip(), GRID, [1, 2]),
            r"permutation: channel_action .*, got \[1, 2\]",
        ),
        (lambda: maps.permutation(groups.hflip(), GRID, [0.0, 1.0]), "permutation: channel_action must be"),
        (lambda: maps.permutation(groups.hflip(), GRID, [[0]]), "permutation: channel_action must be"),
        (
            lambda: maps.permutation(groups.rotation(45), GRID, [0]),
            "permutation: g must carry cells .* rot:45 does not",
        ),
        (lambda: maps.permutation(groups.hflip(), GRID, [0], kind="x"), "permutation: kind must be one of"),
        (
            lambda: maps.cells(groups.hflip(), GRID, 0),
            "cells: channels must be a number of at least 1, got 0",
        ),
        (
            lambda: maps.identity(GRID, "three"),
            "identity: channels must be a number of at least 1, got 'three'",
        ),
    ],
)
def test_spoiled_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
