"""error_budget: features whose residual has one known reason, and its size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from budget_cases import blur, share, slopes, smooth, sound
from torch import Tensor
from torch.nn import functional

from equivfast import maps
from equivfast.groups import Grid, parse, warp
from equivfast.measures import Budget, error_budget

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("g", ["hflip", "vflip", "rot:90", "rot:180", "shift:3,-2"])
def test_images_themselves_are_equivariant(g: str) -> None:
    budget = sound(error_budget(lambda x: 2 * x - 1, g, torch.rand(3, 2, 15, 15)))
    assert (budget.total, budget.offset, budget.placed) == (0, 0, True)


def test_interpolation_is_all_that_a_turn_costs_the_images() -> None:
    x = smooth(n=3, h=40, w=40, sigma=0.6)
    itself = sound(error_budget(lambda image: image, "rot:30", x))
    assert itself.interior > 50 and itself.interpolation > 0.01 and itself.real < 1e-12
    blurred = sound(error_budget(lambda image: blur(image, 0.6), "rot:30", x))
    assert blurred.interpolation > 1e-3 and blurred.interpolation > 2 * (blurred.real + blurred.phase)


def test_zeros_beyond_the_border_are_all_that_a_shift_costs() -> None:
    x = smooth(h=20, w=24) + 3
    budget = sound(error_budget(blur, "shift:4,0", x))
    moved = warp(x, parse("shift:4,0"))[0]
    y, back = blur(x)[..., :-4], blur(moved)[..., 4:]
    assert budget.total == pytest.approx(share(back - y, y), rel=1e-9) and budget.total > 0.03
    assert budget.border == pytest.approx(budget.total, rel=1e-9)
    assert budget.cells == 20 * 20 and budget.interior == 14 * (20 - 3 - 3)
    assert budget.largest == "border"


@pytest.mark.parametrize("g", ["hflip", "rot:180"])
def test_cells_off_the_middle_are_stride_phase(g: str) -> None:
    def phi(image: Tensor) -> Tensor:
        return blur(image)[..., ::2, ::2]

    x = smooth(n=12, h=32, w=32)
    budget = sound(error_budget(phi, g, x))
    assert budget.largest == "phase" and budget.phase > 0.9 * (budget.total - budget.border)
    assert budget.offset == pytest.approx(1.0 if g == "hflip" else 2**0.5) and budget.stride == 2
    assert error_budget(phi, g, smooth(n=12, h=33, w=33)).total < 1e-20  # odd sides: cells symmetric


def test_subsampling_alone_has_the_phase_of_one_pixel() -> None:
    x = torch.rand(5, 1, 12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    budget = sound(error_budget(lambda image: image[..., ::2, ::2], "hflip", x))
    y = x[..., ::2, ::2]
    assert budget.total == pytest.approx(share(x[..., ::2, 1::2] - y, y), rel=1e-9)
    assert budget.phase + budget.border == pytest.approx(budget.total, rel=1e-9)
    assert budget.real < 1e-12


def test_a_sign_that_changes_is_real() -> None:
    x = smooth(n=20)
    budget = sound(error_budget(lambda image: slopes(image)[:, :1], "hflip", x))
    y = slopes(x)[:, :1]  # the prediction is minus the field: 4 squares
    inner = y[..., 1:-1]  # the filter has no height
    assert budget.total == pytest.approx(share(2 * y, y), rel=1e-9) == pytest.approx(4, rel=0.01)
    assert budget.real == pytest.approx(min(budget.total, share(2 * inner, inner)), rel=1e-9)
    assert budget.interior == 32 * 30 and budget.interpolation == budget.phase == 0


# ---- channels ----------------------------------------------------------------------------------


def corners(x: Tensor) -> Tensor:
    """One filter of no symmetry, turned 0 to 3 quarter turns."""
    kernel = torch.tensor([[0.0, 2, 1], [0, 1, 0], [-1, 0, 0]], dtype=x.dtype)
    turned = torch.stack([kernel.rot90(k) for k in range(4)])[:, None]
    return functional.avg_pool2d(functional.conv2d(x, turned, padding=1).relu(), 2)


def test_a_group_convolution_with_its_channel_action() -> None:
    x = smooth(h=24, w=24)
    assert sound(error_budget(corners, "rot:90", x, channel_action=[1, 2, 3, 0])).total > 0.01
    budget = sound(error_budget(corners, "rot:90", x, channel_action=[3, 0, 1, 2]))
    assert budget.total < 1e-20
    assert sound(error_budget(corners, "rot:90", x)).largest == "real"


def test_a_map_puts_mixed_channels_back() -> None:
    g, x = parse("rot:90"), smooth(n=20)
    grid = Grid.centred(32, 32, 1)

    def turned_by(matrix: list[list[float]]) -> Budget:
        m = maps.Map("shared", g.inverse(), "planted", np.array(matrix), np.zeros(2), (2, 2), grid, grid, 1)
        return sound(error_budget(slopes, g, x, map=m, grid=grid, seed=0))

    assert sound(error_budget(slopes, g, x)).real > 0.5
    budgets = [turned_by([[0, s], [-s, 0]]) for s in (1, -1)]
    totals = sorted(b.total for b in budgets)
    assert totals[0] < 1e-12 and totals[1] > 3


def test_a_permutation_map_says_what_its_channel_action_says() -> None:
    g, x = parse("rot:90"), smooth(h=24, w=24)
    order = np.array([1, 2, 3, 0])
    m = maps.permutation(g.inverse(), Grid.centred(12, 12, 2), np.argsort(order).tolist())
    by_map = error_budget(corners, g, x, map=m)
    by_action = error_budget(corners, g, x, channel_action=order)
    assert by_map.total == pytest.approx(by_action.total, rel=1e-6)
    assert by_map.real == pytest.approx(by_action.real, rel=1e-6)


# ---- phase and what is real --------------------------------------------------------------------


def test_directed_filters_are_real_though_cells_miss() -> None:
    """Random filters with a stride of 2: an even size puts cells off the middle, but landing would mend nothing."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(6, 8, 3)
    )
    even, odd = (
        sound(error_budget(net, "hflip", smooth(c=3, h=n, w=n, sigma=1.0).float())) for n in (64, 65)
    )
    assert even.offset > 0 and odd.offset == odd.phase == 0
    assert odd.real > 0.5 * odd.total
    assert even.phase < 0.2 * even.real and even.real == pytest.approx(odd.real, rel=0.2)
