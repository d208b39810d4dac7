"""Invariant channels: scores by hand, identity rows, and the search against going through all counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivfast import groups, maps, measures
from equivfast.groups import Grid

HFLIP = groups.hflip()


def scored(c: int) -> maps.Map:
    """A map whose channel c - 1 is the most invariant, 0 the least."""
    weight = np.diag(np.linspace(0.1, 2, c)) + 0.1
    grid = Grid.centred(2, 2, 8)
    return maps.Map("shared", HFLIP, "planted", weight, np.zeros(c), (c, c), grid, grid)


def test_scores_by_hand(map_of: Callable) -> None:
    weight = np.array([[3.0, 0, 4], [0, -2, 0], [0, 0, 0]])
    np.testing.assert_allclose(measures.channel_scores(map_of(weight, HFLIP)), [1 - 4 / 5, 1, 0])


def test_of_a_larger_support_the_central_tap_alone_is_diagonal(map_of: Callable) -> None:
    weight = np.zeros((2, 2, 3, 3))
    weight[0, 0, 1, 1], weight[0, 0, 0, 2] = 4, 3  # its own channel, another cell: not the identity
    weight[1, 1, 1, 1], weight[1, 0, 1, 1] = 12, 5
    np.testing.assert_allclose(measures.channel_scores(map_of(weight, HFLIP)), [1 - 3 / 5, 1 - 5 / 13])


@pytest.mark.parametrize("support", [1, 3])
def test_identity_rows_copy_the_channel_where_it_is(support: int, map_of: Callable) -> None:
    rng = np.random.default_rng(0)
    m = map_of(rng.normal(size=(4, 4, support, support)), groups.rotation(90), rng.normal(size=4))
    x = rng.normal(size=(3, 4, 6, 6))
    for channels in ([2, 0], (), np.array([1]), range(4)):
        y = measures.PartlyInvariant(m, channels)(x)
        for k in range(4):
            np.testing.assert_array_equal(y[:, k], (x if k in list(channels) else m(x))[:, k])
    partly = measures.PartlyInvariant(m, [1])
    single = torch.from_numpy(x[0]).float().requires_grad_()
    out = partly(single)
    assert out.dtype == torch.float32 and out.shape == (4, 6, 6)
    np.testing.assert_allclose(out.detach(), partly(x)[0], rtol=1e-4, atol=1e-4)
    out[1].sum().backward()
    assert single.grad is not None and single.grad.sum((1, 2)).tolist() == [0, 36, 0, 0]


@pytest.mark.parametrize("channels", [[4], [-1], [0.5], [True], 1])
def test_channels_that_are_none(channels: Any, map_of: Callable) -> None:
    with pytest.raises(ValueError, match=r"^PartlyInvariant: channels must be numbers from 0 to 3, got "):
        measures.PartlyInvariant(map_of(np.eye(4), HFLIP), channels)


class Network:
    """The accuracy as a function of the number of identity rows."""

    def __init__(self, accuracies: list[float]) -> None:
        self.accuracies, self.calls = accuracies, 0

    def __call__(self, partly: measures.PartlyInvariant) -> float:
        self.calls += 1
        return self.accuracies[len(partly.channels)]


@given(st.integers(1, 300), st.integers(0, 10**6))
def test_of_a_steady_loss_the_largest_count_is_found(c: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = np.sort(rng.uniform(0, 0.04, c)) * rng.integers(0, 2)
    network = Network([0.8, *(0.8 - losses)])
    found = measures.invariant_channels(scored(c), network, 0.8)
    expected = int((losses <= 0.05 * 0.2 + 1e-12).sum())
    assert found.count == expected and found.share == expected / c
    assert found.accuracy == network.accuracies[expected]
    assert found.order == tuple(range(c - 1, -1, -1))
    assert found.evaluations == network.calls <= 2 * math.log2(c) + 4


@given(st.integers(1, 300), st.integers(0, 10**6))
def test_of_an_unsteady_loss_a_count_that_holds_is_found_in_time(c: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = Network([0.8, *rng.choice([0.5, 0.795, 0.9], c)])
    found = measures.invariant_channels(scored(c), network, 0.8)
    assert network.accuracies[found.count] == found.accuracy >= 0.79
    assert network.calls <= 2 * math.log2(c) + 4


def test_neighbours_above_the_bisection_are_tried() -> None:
    """Of 16 channels 9 fail, which ends the bisection at 8, though 10 and 13 hold and 14 does not."""
    accuracies = [0.8] * 17
    for p in (9, 11, 12, 14, 15, 16):
        accuracies[p] = 0.1
    network = Network(accuracies)
    assert measures.invariant_channels(scored(16), network, 0.8).count == 13
    assert network.calls <= 12


@pytest.mark.parametrize(("accuracy", "expected"), [(0.79, 4), (0.7899999, 0), (1.0, 4)])
def test_five_per_cent_are_of_the_error(accuracy: float, expected: int) -> None:
    """Error .20 may become .21, no more."""
    assert measures.invariant_channels(scored(4), Network([0.8] + [accuracy] * 4), 0.8).count == expected


def test_a_perfect_map_allows_no_error() -> None:
    assert measures.invariant_channels(scored(4), Network([1, 1, 1, 0.999, 0.999]), 1.0).count == 2


def test_the_network_is_handed_the_channels_of_the_highest_scores(map_of: Callable) -> None:
    weight = np.eye(5)[[1, 0, 2, 3, 4]]
    weight[3, 2] = 0.1
    x, seen = np.random.default_rng(0).normal(size=(2, 5, 6, 6)), {}

    def accuracy(partly: measures.PartlyInvariant) -> float:
        seen[len(partly.channels)] = partly(x)
        return 0.9 if set(partly.channels) <= {2, 4, 3} else 0.0

    found = measures.invariant_channels(map_of(weight, HFLIP), accuracy, 0.9)
    assert found.order == (2, 4, 3, 0, 1) and found.count == 3
    np.testing.assert_array_equal(seen[3][:, [2, 4, 3]], x[:, [2, 4, 3]])


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), 91.5])
def test_shares_that_are_none(bad: float) -> None:
    with pytest.raises(ValueError, match=r"^invariant_channels: original must be a share from 0 to 1, got "):
        measures.invariant_channels(scored(3), Network([0.8] * 4), bad)
    with pytest.raises(ValueError, match=r"^invariant_channels: accuracy must be a share from 0 to 1, got "):
        measures.invariant_channels(scored(3), Network([bad] * 4), 0.8)
    with pytest.raises(
        ValueError, match=r"^invariant_channels: tolerance must be a finite number of at least 0"
    ):
        measures.invariant_channels(scored(3), Network([0.8] * 4), 0.8, tolerance=float("nan"))
