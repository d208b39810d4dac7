"""MapModule: the same field on every way through it, and its numbers back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast import groups, maps, nn
from equivfast.maps.module import MapModule


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("support", [1, 3])
def test_torchs_own_operators_give_the_same_field(support: int, interpolation: str) -> None:
    """The way of other devices, by hand: cells moved, then a convolution."""
    rng, grid = np.random.default_rng(0), groups.Grid.centred(5, 6, stride=8)
    weight, bias = rng.normal(size=(3, 2 * support**2)), rng.normal(size=3)
    g = groups.rotation(20) @ groups.translation(5, 0)
    of = maps.Map("shared", g, "ridge", weight, bias, (2, 3), grid, grid, support, interpolation)
    module, x = MapModule(of, torch.float64), torch.from_numpy(rng.normal(size=(4, 2, 5, 6)))
    mix = module.weight.unflatten(1, (2, support, support))
    by_torch = torch.nn.functional.conv2d(module.moved(x), mix, module.bias, padding=support // 2)
    assert torch.allclose(by_torch, of(x), atol=1e-12) and torch.allclose(module(x), of(x), atol=1e-12)


def test_a_device_without_the_op_is_served() -> None:
    grid = groups.Grid.centred(3, 3, stride=8)
    module = MapModule(maps.cells(groups.hflip(), grid, 2)).to("meta")
    module._moved = (((3, 3), module.weight.device), *(t.to("meta") for t in module._action((3, 3))))
    assert module(torch.zeros(2, 2, 3, 3, device="meta")).shape == (2, 2, 3, 3)


def test_it_is_the_map_of_nn_and_gives_its_numbers_back() -> None:
    of = maps.permutation(groups.vflip(), groups.Grid.centred(4, 4, stride=8), [1, 0])
    assert nn.Map is MapModule
    back = MapModule(of, torch.float64).map()
    assert np.array_equal(back.weight, of.weight) and np.array_equal(back.bias, of.bias)
    assert back.g == of.g and back.method == of.method
