"""Which sizes hold whole cells: against the arithmetic of convolutions; levels and middles of such sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from equivfast.detection.lattice import Lattice, lattice_of
from equivfast.detection.levels import middles, searched
from equivfast.pose.prepared import prepared
from equivfast.representations import Layer


def layer(*modules: nn.Module) -> object:
    return prepared(Layer(nn.Sequential(*modules), str(len(modules) - 1)), 255.0)


@pytest.mark.parametrize(
    ("modules", "cell", "extra"),
    [
        ((nn.Conv2d(3, 2, 3, stride=2, padding=1),), 2, 0),  # floor((h - 1) / 2) + 1 cells
        ((nn.Conv2d(3, 2, 3, padding=2),), 1, -2),
        ((nn.Conv2d(3, 2, 4, stride=4),), 4, 0),
        ((nn.Conv2d(3, 2, 11, stride=4, padding=2),), 4, 3),  # floor((h - 7) / 4) + 1
        ((nn.Conv2d(3, 2, 5),), 1, 4),
        ((nn.Conv2d(3, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)), 2, 2),  # ceil((h - 5) / 2) + 1
    ],
)
def test_the_nearest_size_with_as_many_cells_is_found(modules, cell: int, extra: int) -> None:
    phi = layer(*modules)
    found = lattice_of(phi, 1)
    assert (found.cell, found.extra) == (cell, extra)
    for count in (7, 10, 31):
        side = count * cell + extra
        assert phi(torch.zeros(1, 1, side, side)).shape[2:] == (count, count)
        assert found.cells(side) == count and found.length(side + 0.4 * cell) == side


def test_levels_have_whole_cells_and_windows_lie_where_they_should() -> None:
    lattice, image = Lattice(4, 3), torch.rand(1, 1, 101, 130)
    phi = layer(nn.Conv2d(3, 2, 11, stride=4, padding=2))
    levels = list(searched(image, phi, (0.5, 1.5), 6, margin=2, side=5, lattice=lattice))
    assert len(levels) == 11
    for level in levels:
        height, width = round(level.scale_y * 101), round(level.scale_x * 130)
        assert (height % 4, width % 4) == (3, 3)
        assert level.field.shape[2:] == (level.grid.height + 4, level.grid.width + 4)
        # The middle window has its middle in the image's.
        rows, columns = level.field.shape[2:]
        np.testing.assert_allclose(level.centre((rows - 5) / 2, (columns - 5) / 2, 5), (0, 0), atol=1e-9)


def test_middles_reach_from_a_size_of_enough_cells_down_to_it() -> None:
    lattice = Lattice(4, 0)
    sizes = [tuple(part.shape[2:]) for part in middles(torch.rand(1, 3, 300, 500), lattice, 2, 2)]
    assert sizes[0] == (176, 176)  # 40 cells and 2 on each side
    assert sizes[-1][0] >= 28 * 4 > 2**-0.5 * sizes[-1][0]
    (small,) = [tuple(part.shape[2:]) for part in middles(torch.rand(1, 3, 30, 50), lattice, 2, 2)]
    assert small == (112, 176)
