"""assert_equivariant passes what is equivariant, and its failures say by how much and why."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from equivfast import maps
from equivfast.groups import Grid, Transform, parse
from equivfast.measures import Budget
from equivfast.testing import assert_equivariant

pytestmark = pytest.mark.usefixtures("one_thread")

TURNS = ["rot:90", "rot:180", "rot:270"]


class Turning(nn.Module):
    """A group convolution: filters of `inner` turned by 0 to 3 quarter turns, means of 2 x 2 cells."""

    def __init__(self, filters: int = 2) -> None:
        super().__init__()
        weight = torch.randn(
            filters, 3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
        self.turned = torch.stack([weight.rot90(k, (2, 3)) for k in range(4)], 1).flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(functional.conv2d(x.double(), self.turned, padding=1).relu(), 2)

    @staticmethod
    def action(g: Transform, sign: int = 1) -> list[int]:
        """Channel 4 k + r of g x is channel 4 k + (r - quarter turns) of x."""
        quarters = round(np.degrees(np.arctan2(-g.linear[1, 0], g.linear[0, 0])) / 90)
        return [4 * k + (r - sign * quarters) % 4 for k in range(2) for r in range(4)]


def gaussian(x: Tensor) -> Tensor:
    line = torch.tensor([1.0, 4, 6, 4, 1]) / 16
    kernel = torch.outer(line, line).repeat(x.shape[1], 1, 1, 1)
    return functional.conv2d(x, kernel, groups=x.shape[1])


def failure(*args: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_equivariant(*args, **options)
    return str(caught.value)


# ---- passes ------------------------------------------------------------------------------------


def test_a_group_convolution_passes_with_its_action() -> None:
    budgets = assert_equivariant(Turning(), TURNS, tol=1e-6, channel_action=Turning.action)
    assert [b.transform for b in budgets] == TURNS and all(b.total < 1e-12 for b in budgets)
    single = assert_equivariant(Turning(), parse("rot:90"), channel_action=Turning.action(parse("rot:90")))
    assert isinstance(single, Budget) and single.images == 16


def test_a_map_and_a_grid_are_used() -> None:
    g, grid = parse("rot:90"), Grid.centred(32, 32, 2)
    order = np.argsort(Turning.action(g)).tolist()
    m = maps.permutation(g.inverse(), grid, order)
    assert assert_equivariant(Turning(), g, map=m, grid=grid).total < 1e-12


def test_invariant_vectors_of_numpy_functions_pass() -> None:
    def means(images: np.ndarray) -> np.ndarray:
        if not isinstance(images, np.ndarray):
            raise TypeError("arrays only")
        return images.mean((2, 3))

    assert [b.total < 1e-9 for b in assert_equivariant(means, ["hflip", *TURNS])] == [True] * 4


def test_interior_leaves_the_border_out() -> None:
    def padded(x: Tensor) -> Tensor:
        return gaussian(functional.pad(x, (2, 2, 2, 2)))

    assert "border: pad less, or compare interior cells: interior=True" in failure(padded, "shift:5,0")
    budget = assert_equivariant(padded, "shift:5,0", interior=True)
    assert budget.border == budget.total > 1e-3


def test_images_are_given_or_made_of_the_channels_that_fn_takes() -> None:
    seen = set()

    def grey(x: Tensor) -> Tensor:
        seen.add(tuple(x.shape[1:]))
        return functional.conv2d(x, torch.ones(1, 1, 1, 1, dtype=x.dtype))

    assert_equivariant(grey, "hflip", size=(20, 28))
    assert seen == {(3, 20, 28), (1, 20, 28)}
    seen.clear()
    assert assert_equivariant(grey, "hflip", images=np.random.default_rng(0).random((1, 1, 9, 7))).images == 1
    assert seen == {(1, 9, 7)}


def test_a_module_is_tested_at_rest_and_gets_its_mode_back() -> None:
    model = nn.Sequential(nn.AvgPool2d(2), nn.BatchNorm2d(3), nn.Dropout(0.9))
    assert assert_equivariant(model, "hflip").total < 1e-9
    assert model.training and model[1].training and int(model[1].num_batches_tracked) == 0


# ---- failures ----------------------------------------------------------------------------------


def test_a_wrong_action_is_real() -> None:
    text = failure(Turning(), "rot:90", channel_action=lambda g: Turning.action(g, -1))
    first, total, *rows, advice = text.splitlines()
    number = re.fullmatch(
        r"assert_equivariant: rot:90 leaves a relative residual of ([\d.e-]+), tol is 0\.0001", first
    )
    assert number and float(number[1]) > 0.1
    assert total.startswith(f"total of rot:90: {number[1]} (") and "16 images, 1024 cells" in total
    assert rows[0].split()[:1] == ["real"] and len(rows) == 4
    assert advice.startswith("real: ") and "channel_action" in advice


def test_even_sizes_and_stride_2_are_phase() -> None:
    text = failure(lambda x: gaussian(x)[..., ::2, ::2], "hflip", size=64)
    assert "stride phase: cells land 0.5 cells off (1 pixels at stride 2)" in text.splitlines()[-1]
    assert assert_equivariant(lambda x: gaussian(x)[..., ::2, ::2], "hflip", size=65).total < 1e-9


def test_turns_between_pixels_are_interpolation() -> None:
    text = failure(lambda x: x, "rot:30", tol=1e-6, interior=True)
    assert text.splitlines()[0].endswith("on interior cells, tol is 1e-06")
    assert text.splitlines()[-1].startswith("interpolation: no phi can do better")


def test_a_direction_is_real() -> None:
    assert "real: fn itself" in failure(lambda x: x.diff(dim=-1), "hflip")


def test_every_failing_transformation_is_told_and_no_other() -> None:
    text = failure(lambda x: x.diff(dim=-1), ["vflip", "hflip", "rot:90"])
    assert re.findall(r"assert_equivariant: (\S+) leaves", text) == ["hflip", "rot:90"]


def test_a_random_network_fails_and_one_averaged_over_flips_does_not() -> None:
    generator = torch.Generator().manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 6, 5, padding=2), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2, padding=1))
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 5
    assert "hflip leaves" in failure(net, "hflip", size=33)
    both = assert_equivariant(lambda x: net(x) + net(x.flip(-1)).flip(-1), "hflip", size=33)
    assert both.total < 1e-9


def test_the_traceback_ends_at_the_caller() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_equivariant(lambda x: x.diff(dim=-1), "hflip")
    inner = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert inner.name == "assert_equivariant"
    assert caught.traceback[-1].ishidden(caught) and not caught.traceback[0].ishidden(caught)


# ---- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assert_equivariant(gaussian, "hflip", tol=-1), "tol must be a number from 0, got -1"),
        (lambda: assert_equivariant(gaussian, "hflip", tol=np.nan), "tol must be a number from 0, got nan"),
        (lambda: assert_equivariant(gaussian, []), "g must be a transformation or some, got an empty list"),
        (lambda: assert_equivariant(gaussian, 3), "g must be transformations or their names, got 3"),
        (lambda: assert_equivariant(gaussian, "hflip", size=0), "size must be 1 to 256 pixels, .* got 0"),
        (lambda: assert_equivariant(nn.Conv2d(2, 1, 3), "hflip"), r"fn must take images \(n, 3, 64, 64\)"),
        (lambda: assert_equivariant(3, "hflip"), "fn must"),
    ],
)
def test_bad_arguments_are_one_line(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert str(caught.value).startswith("assert_equivariant: ") and "\n" not in str(caught.value)
