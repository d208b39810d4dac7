"""Solvers and measures together, on features whose maps are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from equivfast import groups, maps, measures

TURN = groups.rotation(90)
ROOTS = np.array([1, 1j, -1j, -1])


def cycles(orbits: int) -> list[int]:
    """Filter r turned once more is filter r + 1: channel r of phi(g x) is channel r - 1 of phi(x), its cells moved."""
    return [4 * k + (r - 1) % 4 for k in range(orbits) for r in range(4)]


def test_turned_filters_are_permuted_in_cycles(steerable: Callable, statistics_of: Callable) -> None:
    s = statistics_of(steerable, TURN)
    found = maps.matched_permutation(s, scaled=True)
    assert found.settings["order"] == cycles(3)
    np.testing.assert_allclose(found.weight.toarray(), np.eye(12)[cycles(3)], atol=1e-6)
    np.testing.assert_allclose(found.bias, 0, atol=1e-6)
    exact = maps.permutation(TURN, s.source, cycles(3))
    np.testing.assert_allclose(maps.matched_permutation(s).weight.toarray(), exact.weight.toarray())
    assert maps.r_squared(found, s).min() > 1 - 1e-9


@pytest.mark.parametrize(
    "solver", [maps.matched_permutation, maps.orthogonal, lambda s: maps.low_rank(s, 12, 0)]
)
def test_every_orbit_has_the_fourth_roots_of_one(
    solver: Callable, steerable: Callable, statistics_of: Callable
) -> None:
    m = solver(statistics_of(steerable, TURN))
    values = measures.spectrum(m)
    for root in ROOTS:
        assert (np.abs(values - root) < 1e-6).sum() == 3
    assert measures.invariant_dimension(m, 1e-5) == 3
    basis = measures.invariant_subspace(m, 1e-5)
    means = np.kron(np.eye(3), np.ones((4, 1)))
    assert measures.subspace_angles(basis, means).max() < 1e-3


def test_the_half_turn_leaves_half_of_the_dimensions(steerable: Callable, statistics_of: Callable) -> None:
    m = maps.matched_permutation(statistics_of(steerable, groups.rotation(180)))
    assert measures.invariant_dimension(m, 1e-6) == 6


def test_means_over_turns_are_invariant_and_unrelated_filters_are_not(
    pooled: Callable, unrelated: Callable, statistics_of: Callable
) -> None:
    invariant = maps.solve(statistics_of(pooled, TURN), "least_squares")
    np.testing.assert_allclose(measures.channel_scores(invariant), 1, atol=1e-6)
    assert measures.invariant_dimension(invariant, 1e-5) == 3
    s = statistics_of(unrelated, TURN)
    matched = maps.matched_permutation(s, scaled=True)
    assert maps.r_squared(matched, s).mean() < 0.9
    learned = maps.solve(s, "ridge")
    assert measures.invariant_dimension(learned, 1e-5) == 0
    assert measures.channel_scores(learned).max() < 0.9


def test_the_control_sets_the_threshold_of_what_counts_as_one(
    steerable: Callable, images: object, statistics_of: Callable
) -> None:
    """Images sampled there and back lose a little; the same loss in a map of g must not hide its dimensions."""
    exact = maps.solve(statistics_of(steerable, groups.identity()), "least_squares")
    assert measures.control_threshold(exact) == 1e-6

    def sampled(x: object) -> object:
        there = groups.warp(x, groups.rotation(30))[0]
        return steerable(groups.warp(there, groups.rotation(-30))[0])

    x, y = steerable(images), sampled(images)
    grid = groups.Grid.centred(8, 8, 4)
    s = maps.Statistics(groups.identity(), grid, grid, (12, 12), support=1).update(x, y)
    control = maps.solve(s, "least_squares")
    threshold = measures.control_threshold(control)
    assert 1e-3 < threshold < 1
    assert measures.invariant_dimension(control, threshold) == 12
    assert measures.invariant_dimension(control, threshold * 0.999) < 12
    turned = maps.solve(statistics_of(steerable, TURN), "least_squares")
    assert 3 <= measures.invariant_dimension(turned, threshold) < 12


def test_the_turns_of_steerable_features_obey_their_law(
    steerable: Callable, unrelated: Callable, statistics_of: Callable, pairs_of: Callable
) -> None:
    quarter, half = (
        maps.matched_permutation(statistics_of(steerable, groups.rotation(a))) for a in (90, 180)
    )
    for pairs in (pairs_of(steerable, groups.rotation(180)), statistics_of(steerable, groups.rotation(180))):
        law = measures.group_law(quarter, quarter, half, pairs)
        assert max(law.composed, law.direct, law.gap) < 1e-9
    quarter, half = (maps.solve(statistics_of(unrelated, groups.rotation(a))) for a in (90, 180))
    law = measures.group_law(quarter, quarter, half, statistics_of(unrelated, groups.rotation(180)))
    assert law.composed > law.direct > 0.05 and law.gap > 0.01


def test_variance_over_turns(steerable: Callable, pooled: Callable, images: object) -> None:
    """Cells moved back: the means do not vary, the turned filters do, those of one orbit alike."""
    stacks = []
    for phi in (pooled, steerable):
        turns = [phi(groups.warp(images, groups.rotation(90 * k))[0]).rot90(-k, (2, 3)) for k in range(4)]
        stacks.append(measures.variance_ratio(np.stack([np.asarray(v) for v in turns])))
    assert stacks[0].max() < 1e-20
    assert stacks[1].min() > 0.3
    np.testing.assert_allclose(
        stacks[1].reshape(3, 4), np.repeat(stacks[1].reshape(3, 4)[:, :1], 4, 1), rtol=1e-9
    )
