"""Between the steps of a search."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast import groups, pose
from equivfast.pose.turns import equal_step, refined


def test_the_vertex_of_a_parabola_is_found():
    rng = np.random.default_rng(0)
    vertex, bend, height = rng.uniform(-0.5, 0.5, 50), rng.uniform(0.1, 5, 50), rng.normal(size=50)
    left, middle, right = (height - bend * (x - vertex) ** 2 for x in (-1, 0, 1))
    assert np.allclose(pose.parabola(left, middle, right), vertex)
    assert np.allclose(pose.parabola(right, middle, left), -vertex)


@pytest.mark.parametrize(
    "scores",
    [
        (1, 1, 1),
        (2, 1, 0),
        (0, 1, 2),
        (1, 0, 1),
        (-np.inf, 1, 0),
        (0, 1, -np.inf),
        (np.nan, 1, 0),
        (0, np.inf, 0),
    ],
)
def test_what_is_no_peak_stays(scores):
    assert pose.parabola(*scores) == 0


def test_the_offset_is_at_most_half_a_step():
    assert pose.parabola(1.0, 1.0, 0.0) == -0.5
    assert pose.parabola(0.0, 1.0, 1.0) == 0.5
    rng = np.random.default_rng(1)
    assert np.abs(pose.parabola(*rng.normal(size=(3, 1000)))).max() <= 0.5


def test_cyclic_peaks_turn_with_the_scores():
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(20, 12))
    found = pose.cyclic_peaks(scores)
    for k in (1, 5, 11):
        assert np.allclose(pose.cyclic_peaks(np.roll(scores, k, axis=1)), (found + k) % 12)
    assert found.min() >= 0
    assert found.max() < 12


def test_a_smooth_curve_is_refined_across_the_seam():
    degrees = np.arange(0, 360, 10.0)
    truth = np.array([3.0, 357.5, 181.0, 94.9])
    scores = np.cos(np.deg2rad(degrees - truth[:, None]))
    assert np.abs((10 * pose.cyclic_peaks(scores) - truth + 180) % 360 - 180).max() < 0.05


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(3), "scores must be"),
        (np.zeros((2, 0)), "scores must be"),
        ([[0, np.nan]], "finite best, got nan in row 0"),
        ([[0, 1], [-np.inf, -np.inf]], "row 1"),
    ],
)
def test_rows_without_a_best_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        pose.cyclic_peaks(scores)


def test_turns_by_equal_steps_are_recognised():
    turns = [groups.rotation(angle) for angle in range(0, 360, 30)]
    assert equal_step(turns) == 30
    assert equal_step([g @ groups.rotation(7) for g in turns]) == pytest.approx(30)
    assert equal_step(turns[:4]) == 30
    for others in (
        turns[:2],
        [*turns[:3], groups.rotation(95)],
        [*turns, turns[0]],
        [g @ groups.scaling(1.1) for g in turns],
        [g @ groups.hflip() for g in turns],
        [g @ groups.translation(1, 0) for g in turns],
    ):
        assert equal_step(others) is None


def test_the_ends_of_an_arc_stay_and_other_poses_are_chosen():
    arc = [groups.rotation(angle) for angle in (-10, 0, 10)]
    scores = np.array([[3.0, 2.9, 0.0], [1.0, 2.0, 1.5]])
    assert [g.name for g in refined(arc, scores)] == ["rot:350", "rot:1.666666667"]
    others = [groups.scaling(factor) for factor in (0.5, 1, 2)]
    assert refined(others, scores) == [others[0], others[1]]
    assert refined(arc, np.zeros((0, 3))) == []
