"""The Lie derivative: 0 for what commutes with small motions, the closed form for what does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from equivfast.groups import Grid, Transform, affine, rotation, translation
from equivfast.measures.lie import GENERATORS, lie_error


def smooth(
    n: int = 3, c: int = 1, h: int = 33, w: int = 32, seed: int = 0, sigma: float = 2.0
) -> torch.Tensor:
    r = int(4 * sigma)
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, c, h + 2 * r, w + 2 * r)))
    return blur(noise, sigma)[:, :, r:-r, r:-r].contiguous()


def blur(x: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """An isotropic Gaussian, channel by channel, zeros outside."""
    r = int(4 * sigma)
    line = torch.exp(-torch.arange(-r, r + 1, dtype=x.dtype).square() / (2 * sigma**2))
    kernel = torch.outer(line, line)[None, None] / line.sum() ** 2
    return functional.conv2d(x, kernel.repeat(x.shape[1], 1, 1, 1), padding=r, groups=x.shape[1])


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_identity_has_no_error_whatever_the_picture(generator: str) -> None:
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 17, 20)))
    found = lie_error(lambda x: 3 * x - 1, noise, generator)
    assert found.mode == "forward" and found.channels.shape == (3,) and found.total < 1e-20


@pytest.mark.parametrize(("generator", "limit"), [("shift-x", 1e-12), ("shift-y", 1e-12), ("rotation", 1e-9)])
def test_an_isotropic_blur_commutes_with_shifts_and_turns(generator: str, limit: float) -> None:
    x = smooth()
    inside = lie_error(blur, x, generator, border_cells=10).total
    assert inside < limit
    assert lie_error(blur, x, generator, border_cells=0).total > 1e3 * limit  # its zeros at the border do not


def test_a_directional_filter_commutes_with_shifts_alone() -> None:
    def slope(x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, torch.tensor([[[[-0.5, 0, 0.5]]]], dtype=x.dtype), padding=(0, 1))

    x = smooth(n=20, h=48, w=48)
    # The spline carries what the zeros at the border do inside; 12 cells on, little of it is left.
    assert lie_error(slope, x, "shift-x", border_cells=12).total < 1e-8
    # Turned by t, the slope along x takes sin(t) of the slope along y, which is as large.
    turned = lie_error(slope, x, "rotation", border_cells=12).total
    assert turned == pytest.approx(np.deg2rad(1) ** 2, rel=0.2)


def test_multiplication_by_a_coordinate_has_the_error_that_calculus_gives() -> None:
    x = smooth(h=40, w=40, sigma=4.0)
    place = torch.arange(40, dtype=torch.float64) - 19.5
    found = lie_error(lambda x: x * place, x, "shift-x", border_cells=4)
    inner, field = x[:, :, 4:-4, 4:-4], (x * place)[:, :, 4:-4, 4:-4]
    # (p + t) x(p) is what comes back: L = x.
    assert found.total == pytest.approx(float(inner.square().mean() / field.var(correction=0)), rel=1e-2)
    # Pixel by pixel along y nothing is different.
    assert lie_error(lambda x: x * place, x, "shift-y", border_cells=4).total < 1e-12


def test_a_vector_is_measured_by_its_invariance() -> None:
    x = smooth(h=48, w=48, sigma=4.0)
    window = blur(torch.ones(1, 1, 48, 48, dtype=x.dtype)[:, :, 12:-12, 12:-12], 3.0)
    window = functional.pad(window, (12, 12, 12, 12))
    slopes = (torch.roll(x, -1, 3) - torch.roll(x, 1, 3)) / 2
    pooled = lie_error(lambda x: (x * window).sum((2, 3)), x, "shift-x").total
    moved, level = ((window * t).sum((1, 2, 3)) for t in (slopes, x))
    assert pooled == pytest.approx(float(moved.square().mean() / level.var(correction=0)), rel=0.1)
    corner = lie_error(lambda x: x[:, :, 24, 24], x, "shift-x").total
    # One pixel of a picture: its slope.
    slope = slopes[:, 0, 24, 24]
    assert corner == pytest.approx(float(slope.square().mean() / x[:, 0, 24, 24].var(correction=0)), rel=0.1)
    assert lie_error(lambda x: (x * window).sum((2, 3), keepdim=True), x, "shift-x").total == pytest.approx(
        pooled
    )


def test_a_global_average_is_invariant_to_shifts_of_a_picture_on_flat_ground() -> None:
    x = torch.zeros(4, 1, 40, 40, dtype=torch.float64)
    x[:, :, 12:-12, 12:-12] = smooth(4, h=16, w=16)
    assert lie_error(lambda x: x.mean((2, 3)), blur(x, 1.0), "shift-y").total < 1e-10


def test_errors_are_squares_of_the_unit_and_free_of_scale_and_level() -> None:
    x = smooth()
    place = torch.arange(32, dtype=torch.float64)

    def phi(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x * place)

    once = lie_error(phi, x, "shift-x").total
    assert lie_error(lambda x: 1e5 + 7 * phi(x), x, "shift-x").total == pytest.approx(once, rel=1e-6)
    assert lie_error(phi, x, lambda t: translation(3 * t, 0)).total == pytest.approx(9 * once, rel=1e-4)


def test_a_field_on_a_grid_of_stride_two_is_moved_in_cells() -> None:
    x = smooth(h=64, w=64, sigma=5.0)
    grid = Grid(32, 32, 2, (-31.5, -31.5))  # every second pixel from the first: not centred

    def phi(x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::2, ::2]

    for generator in ("shift-x", "rotation", "scaling"):
        assert lie_error(phi, x, generator, grid=grid, border_cells=8).total < 1e-6
    # Taken for centred it lies half a pixel off, and is turned about the wrong point.
    assert lie_error(phi, x, "rotation", border_cells=8).total > 1e-6


class Detached:
    """Computes without gradients, and so loses the derivative without a word."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.detach().square()


def by_numpy(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.square(x.numpy()))


@pytest.mark.parametrize("phi", [Detached(), by_numpy])
def test_differences_stand_in_where_there_is_no_forward_mode(phi: Callable[..., torch.Tensor]) -> None:
    x = smooth()
    found, wanted = lie_error(phi, x, "rotation"), lie_error(torch.square, x, "rotation")
    assert (found.mode, wanted.mode) == ("differences", "forward")
    assert found.total == pytest.approx(wanted.total, rel=1e-3)


def test_a_network_in_training_mode_is_measured_at_rest_and_left_as_it_was() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Dropout()
    )
    net[1].running_mean.fill_(0.3)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = lie_error(net, smooth(40, 3).float(), "rotation")
    assert net.training and all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert found.mode == "forward" and 0 < found.total < 1
    assert found.total == lie_error(net.eval(), smooth(40, 3).float(), "rotation").total


def test_dead_channels_are_counted_and_are_no_nan() -> None:
    x = smooth(n=1)
    found = lie_error(lambda x: torch.cat([x, torch.zeros_like(x), torch.ones_like(x)], 1), x, "shift-x")
    assert found.dead == 2 and found.channels[1:].tolist() == [0, 0] and np.isfinite(found.total)
    assert lie_error(torch.zeros_like, x, "shift-x").total == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "turn"}, "generator must be one of shift-x, .*, got 'turn'"),
        ({"generator": lambda t: rotation(5 + t)}, "generator must be the identity at 0"),
        ({"images": torch.full((1, 1, 9, 9), float("nan"))}, "images must be finite"),
        ({"phi": lambda x: x.flatten(1)[:, None]}, r"phi must return \(3, d, H, W\) or \(3, d\)"),
        ({"phi": lambda x: x / 0}, "phi must return finite"),
        ({"border_cells": 16}, "border_cells must leave a cell of 33 x 32, got 16"),
        ({"border_cells": -1}, "border_cells must be a whole number"),
        ({"grid": Grid.centred(3, 3, 1)}, "grid must have the field's 33 x 32 cells, got 3 x 3"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    arguments = {"phi": lambda x: x, "images": smooth(), "generator": "shift-x", **change}
    with pytest.raises(ValueError, match=f"lie_error: {message}"):
        lie_error(**arguments)


def test_a_family_of_ones_own() -> None:
    def shear(t: float) -> Transform:
        return affine([[1, t], [0, 1]])

    assert lie_error(blur, smooth(), shear, border_cells=10).total > 1e-4
