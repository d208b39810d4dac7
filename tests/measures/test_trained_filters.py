"""Solvers and measures on the first layers of a trained network and real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from equivfast import groups, maps, measures
from equivfast.groups import Grid, Transform, warp


@pytest.fixture(scope="module")
def images(test_data: Path) -> Tensor:
    rows = np.array(Image.open(test_data / "cifar10/cifar10_batch_50.png").convert("RGB"))
    return torch.from_numpy(rows[:400].reshape(400, 32, 32, 3).transpose(0, 3, 1, 2) / 255.0 - 0.5).float()


@pytest.fixture(scope="module")
def filters(test_data: Path) -> dict[str, Tensor]:
    stored = np.load(test_data / "cifar10_nets/convnet3.npz")
    return {name: torch.from_numpy(stored[name]) for name in stored}


def phi(images: Tensor, net: dict[str, Tensor]) -> Tensor:
    """The second convolution: 20 channels of 16 x 16 cells, stride 2."""
    x = functional.conv2d(images, net["conv1.weight"], net["conv1.bias"], padding=2).relu()
    return functional.conv2d(functional.max_pool2d(x, 2), net["conv2.weight"], net["conv2.bias"], padding=2)


def statistics(images: Tensor, net: dict[str, Tensor], g: Transform) -> maps.Statistics:
    grid = Grid.centred(16, 16, 2)
    valid = np.zeros((16, 16), dtype=bool)
    valid[4:12, 4:12] = True
    s = maps.Statistics(g, grid, grid, (20, 20), support=1, valid=valid)
    return s.update(phi(images, net), phi(warp(images, g)[0], net))


def error(m: maps.Map, s: maps.Statistics) -> float:
    """The squared residual as a share of the variance of all channels."""
    (problem,) = s.problems(1)
    return float(((1 - maps.r_squared(m, s)) * problem.moments.yy.numpy()).sum() / problem.moments.yy.sum())


def test_methods_stand_in_the_order_of_their_freedom(images: Tensor, filters: dict[str, Tensor]) -> None:
    g = groups.hflip()
    fit, test = statistics(images[:200], filters, g), statistics(images[200:], filters, g)
    path = maps.low_rank_path(fit, (1, 5, 10, 20), ridge=1e-4)
    found = {
        "cells": maps.cells(g, fit.source, 20),
        "permutation": maps.matched_permutation(fit, signed=True, scaled=True),
        "rank 5": path[1],
        "rank 10": path[2],
        "ridge": maps.solve(fit, "ridge", ridge=1e-4),
    }
    errors = {name: error(m, test) for name, m in found.items()}
    assert errors["ridge"] <= errors["rank 10"] < errors["rank 5"] < errors["permutation"] < errors["cells"]
    np.testing.assert_allclose(path[3].weight, found["ridge"].weight, atol=1e-9)
    assert errors["ridge"] < error(maps.orthogonal(fit, scaled=True), test) < errors["cells"]


def test_two_flips_are_none(images: Tensor, filters: dict[str, Tensor]) -> None:
    """The flip of features is an involution as far as it is one at all: half of the spectrum lies near 1 and -1."""
    flip = maps.solve(statistics(images[:200], filters, groups.hflip()), "ridge", ridge=1e-4)
    still = maps.identity(flip.source, 20)
    x = phi(images[200:], filters)
    law = measures.group_law(flip, flip, still, (x, x))
    assert law.direct == 0 and 0 < law.composed == law.gap < 1
    values = measures.spectrum(flip)
    assert np.abs(values.imag).max() < 0.3 and values.real.min() < -0.5 and np.abs(values[0] - 1) < 0.2


def test_the_cost_of_sampling_is_not_taken_for_that_of_turning(
    images: Tensor, filters: dict[str, Tensor]
) -> None:
    g, grid = groups.rotation(20), Grid.centred(16, 16, 2)
    back = warp(warp(images, g)[0], g.inverse())[0]
    control = maps.Statistics(groups.identity(), grid, grid, (20, 20), support=1)
    control.update(phi(images, filters), phi(back, filters))
    threshold = measures.control_threshold(maps.solve(control, "ridge", ridge=1e-4))
    turned = maps.solve(statistics(images, filters, groups.rotation(90)), "ridge", ridge=1e-4)
    assert 0.01 < threshold < 1
    assert measures.invariant_dimension(turned, threshold) < 20
    basis = measures.invariant_subspace(turned, threshold)
    moved = turned.weight @ basis
    assert np.linalg.norm(moved - basis @ (basis.T @ moved)) < 1e-9


def test_flips_move_places_and_hardly_means(images: Tensor, filters: dict[str, Tensor]) -> None:
    fields = [phi(v, filters) for v in (images, images.flip(-1))]
    places = measures.variance_ratio(torch.stack(fields))
    means = measures.variance_ratio(torch.stack([functional.avg_pool2d(f, 16) for f in fields]))
    assert np.median(means) < 0.1 < 0.4 < np.median(places)
    assert means.max() > 1  # a filter that tells left from right changes its sign
