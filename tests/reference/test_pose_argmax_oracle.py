"""The oracle of pose_argmax: the order of the sums, ties, suppression and the rest, each worked by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from equivfast.reference.pose_argmax import PoseResult, dense_scores, pose_argmax, scores_at

# One channel, templates of one cell: the score is template * field.
ROW = np.array([[[[1.0, 3.0, 2.0, 3.0]]]], np.float32)  # (1, 1, 1, 4)
PAIR = np.array([1.0, 1.0], np.float32).reshape(2, 1, 1, 1)  # two equal poses
SIGNS = np.array([1.0, -1.0], np.float32).reshape(2, 1, 1, 1)


def best(features: np.ndarray, templates: np.ndarray, **options: Any) -> list[tuple[float, ...]]:
    """(score, pose, y, x) of the one image, best first."""
    result = pose_argmax(features, templates, over="image", **options)
    return [tuple(part[0, k].item() for part in result) for k in range(result.score.shape[1])]


def test_a_score_is_a_correlation() -> None:
    field = np.arange(12.0).reshape(1, 3, 4)
    templates = np.array([[[[1.0, 0.0], [0.0, 10.0]]], [[[0.0, 1.0], [0.0, 0.0]]]])
    found = dense_scores(field, templates, np.array([0.0, 100.0]))
    # Pose 0: the cell itself and ten times the one below to the right; pose 1: the one to the right, and 100.
    np.testing.assert_array_equal(found[0], [[50, 61, 72], [94, 105, 116]])
    np.testing.assert_array_equal(found[1], [[101, 102, 103], [105, 106, 107]])


def test_channels_are_dealt_to_eight_sums_that_are_joined_as_a_tree() -> None:
    """1 and 2^-53 are added in different orders: alone 2^-53 is lost beside 1, twice together it is not."""
    tiny, ones = 2.0**-53, np.zeros(16)
    ones[[0, 8, 4]] = 1.0, tiny, tiny  # s0 = 1 + tiny = 1, then s0 + s4 = 1 again
    by_channel = dense_scores(ones.reshape(16, 1, 1), np.ones((1, 16, 1, 1)))
    assert by_channel.item() == 1.0
    moved = np.zeros(16)
    moved[[0, 4, 12]] = 1.0, tiny, tiny  # s4 = 2 tiny, and 1 + 2 tiny is a float64 number
    assert dense_scores(moved.reshape(16, 1, 1), np.ones((1, 16, 1, 1))).item() == 1.0 + 2 * tiny
    # ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)): s2 and s6 meet before they meet s0, s1 and s2 never alone.
    for pair, kept in (((2, 6), True), ((1, 5), True), ((1, 7), True), ((2, 4), False), ((1, 2), False)):
        given = np.zeros(8)
        given[0], given[list(pair)] = 1.0, tiny
        found = dense_scores(given.reshape(8, 1, 1), np.ones((1, 8, 1, 1))).item()
        assert found == (1.0 + 2 * tiny if kept else 1.0), pair


def test_rows_come_before_columns_and_columns_before_channels() -> None:
    """In one partial sum 2^60, 1 and -2^60 give 0 in this order and 1 where 1 comes last."""
    for shape, wanted in (((1, 1, 3), 0.0), ((1, 3, 1), 0.0)):
        assert (
            dense_scores(np.array([2.0**60, 1, -(2.0**60)]).reshape(shape), np.ones((1, *shape))).item()
            == wanted
        )
    field = np.zeros((1, 2, 2))
    field[0] = [[2.0**60, 1], [-(2.0**60), 0]]  # row by row; column by column 1 would come last and stay
    assert dense_scores(field, np.ones((1, 1, 2, 2))).item() == 0.0
    assert dense_scores(field.transpose(0, 2, 1), np.ones((1, 1, 2, 2))).item() == 1.0
    deep = np.zeros(
        (9, 1, 2)
    )  # channels 0 and 8 share a sum; channel 8 of the first column before the second
    deep[0, 0, 0], deep[8, 0, 0], deep[0, 0, 1] = 2.0**60, 1, -(2.0**60)
    assert dense_scores(deep, np.ones((1, 9, 1, 2))).item() == 0.0


def test_bias_is_added_after_the_sum_and_the_prior_after_the_bias() -> None:
    one, big = np.ones((1, 1, 1)), np.array([2.0**60])
    w = one[None]
    assert dense_scores(one, w, big, -big).item() == 0.0  # (1 + 2^60) - 2^60
    assert scores_at(one, w, (np.zeros(1, int),) * 3, big, -big).item() == 0.0
    two = np.array([[[2.0**60]], [[-(2.0**60)]]])
    assert dense_scores(two, np.ones((1, 2, 1, 1)), np.ones(1)).item() == 1.0


def test_sums_are_near_those_of_fractions_and_equal_where_all_is_whole() -> None:
    rng = np.random.default_rng(0)
    whole = (
        rng.integers(-9, 9, (3, 5, 6)).astype(np.float32),
        rng.integers(-9, 9, (4, 3, 2, 3)).astype(np.float32),
    )
    noise = (
        rng.standard_normal((3, 5, 6)).astype(np.float32),
        rng.standard_normal((4, 3, 2, 3)).astype(np.float32),
    )
    for (field, templates), limit in ((whole, 0.0), (noise, 1e-14)):
        found = dense_scores(field, templates)
        for g, y, x in np.ndindex(found.shape):
            window = field[:, y : y + 2, x : x + 3]
            exact = sum(
                Fraction(float(a)) * Fraction(float(b))
                for a, b in zip(window.flat, templates[g].flat, strict=True)
            )
            assert abs(Fraction(found[g, y, x]) - exact) <= limit


def test_some_scores_are_those_of_all() -> None:
    rng = np.random.default_rng(1)
    field, templates = rng.standard_normal((11, 9, 8)), rng.standard_normal((40, 11, 3, 2))
    bias, prior = rng.standard_normal((2, 40))
    everything = dense_scores(field, templates, bias, prior)
    at = np.nonzero(np.ones(everything.shape, bool))
    np.testing.assert_array_equal(scores_at(field, templates, at, bias, prior), everything[at])


def test_ties_go_to_the_lowest_pose_then_y_then_x() -> None:
    result = pose_argmax(ROW, PAIR)
    assert result.pose.tolist() == [[[0, 0, 0, 0]]] and result.score.tolist() == [[[1, 3, 2, 3]]]
    assert result.y.tolist() == [[[0, 0, 0, 0]]] and result.x.tolist() == [[[0, 1, 2, 3]]]
    wanted = [(3, 0, 0, 1), (3, 0, 0, 3), (3, 1, 0, 1), (3, 1, 0, 3), (2, 0, 0, 2)]
    assert best(ROW, PAIR, top_k=5) == wanted
    square = np.ones((1, 1, 2, 2), np.float32)
    assert best(square, PAIR, top_k=5) == [
        (1, 0, 0, 0),
        (1, 0, 0, 1),
        (1, 0, 1, 0),
        (1, 0, 1, 1),
        (1, 1, 0, 0),
    ]


def test_a_difference_below_float32_decides() -> None:
    """1 + 2^-40 and 1 are one float32 number, and the second pose wins by it."""
    field = np.array([1.0, 2.0**-40], np.float32).reshape(1, 2, 1, 1)
    templates = np.array([[1, 0], [1, 1]], np.float32).reshape(2, 2, 1, 1)
    (score, pose, _, _), second = best(field, templates, top_k=2)
    assert pose == 1 and np.float32(score) == np.float32(second[0])


def test_what_is_missing_is_padded() -> None:
    assert best(ROW, PAIR[:1], top_k=6)[3:] == [(1, 0, 0, 0), (-np.inf, -1, -1, -1), (-np.inf, -1, -1, -1)]


def test_no_image_gives_no_result() -> None:
    assert [part.shape for part in pose_argmax(ROW[:0], PAIR)] == [(0, 1, 4)] * 4
    assert [part.shape for part in pose_argmax(ROW[:0], PAIR, over="image", top_k=3)] == [(0, 3)] * 4


def test_threshold_keeps_what_equals_it() -> None:
    assert pose_argmax(ROW, PAIR, threshold=3.0).pose.tolist() == [[[-1, 0, -1, 0]]]
    assert pose_argmax(ROW, PAIR, threshold=3.0).score.tolist() == [[[-np.inf, 3, -np.inf, 3]]]
    assert [k[0] for k in best(ROW, PAIR, top_k=5, threshold=3.0)] == [3, 3, 3, 3, -np.inf]
    # 1 + 2^-30 rounds to 1 in float32, and is not below a threshold between the two.
    field = np.array([1.0, 2.0**-30], np.float32).reshape(1, 2, 1, 1)
    assert best(field, np.ones((1, 2, 1, 1)), threshold=1 + 2.0**-31)[0][1] == 0


def test_masked_positions_do_not_count() -> None:
    mask = np.array([[True, False, True, True]])
    result = pose_argmax(ROW, PAIR, mask=mask)
    assert result.pose.tolist() == [[[0, -1, 0, 0]]] and result.score[0, 0, 1] == -np.inf
    assert result.x.tolist() == [[[0, 1, 2, 3]]]
    assert best(ROW, PAIR, mask=mask) == [(3, 0, 0, 3)]
    assert best(ROW, PAIR, mask=~mask[None], top_k=3)[2] == (-np.inf, -1, -1, -1)
    two = pose_argmax(np.concatenate([ROW, ROW]), PAIR, over="image", mask=np.stack([mask, ~mask]))
    assert two.x.tolist() == [[3], [1]]


def test_prior_is_of_all_images_or_of_each() -> None:
    both = np.concatenate([ROW, ROW])
    assert (pose_argmax(both, PAIR, prior=np.array([0.0, 1.0])).pose == 1).all()
    result = pose_argmax(both, PAIR, prior=np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert (result.pose[0] == 1).all() and (result.pose[1] == 0).all() and result.score.max() == 4


def test_positions_are_scored_as_they_are_listed() -> None:
    places = np.array([[0, 2], [0, 0], [0, 2]])
    result = pose_argmax(ROW, SIGNS, positions=places)
    assert [part.tolist() for part in result] == [[[2, 1, 2]], [[0, 0, 0]], [[0, 0, 0]], [[2, 0, 2]]]
    # A position listed twice is found once.
    assert best(ROW, PAIR, positions=places, top_k=5) == [
        (2, 0, 0, 2), (2, 1, 0, 2), (1, 0, 0, 0), (1, 1, 0, 0), (-np.inf, -1, -1, -1)
    ]  # fmt: skip
    masked = pose_argmax(ROW, SIGNS, positions=places, mask=np.array([[True, True, False, True]]))
    assert masked.pose.tolist() == [[-1, 0, -1]] and masked.x.tolist() == [[2, 0, 2]]
    each = pose_argmax(np.concatenate([ROW, ROW]), PAIR, over="image", positions=places[[[0], [1]]])
    assert each.x.tolist() == [[2], [0]]
    none = places[:0]
    assert pose_argmax(ROW, PAIR, positions=none).pose.shape == (1, 0)
    assert best(ROW, PAIR, positions=none) == [(-np.inf, -1, -1, -1)]


LINE = np.array([5.0, 9.0, 8.0, 7.0, 1.0, 6.0], np.float32).reshape(1, 1, 1, 6)


@pytest.mark.parametrize(
    ("radius", "columns"),
    [(0, [1, 2, 3, 5, 0, 4]), (0.5, [1, 2, 3, 5, 0, 4]), (1, [1, 3, 5]), (2, [1, 5]), (4, [1]), (9, [1])],
)
def test_nms_takes_the_best_and_drops_what_is_within_the_radius(radius: float, columns: list[int]) -> None:
    """A suppressed cell suppresses nothing: 8 falls to 9, and 7 stays though 8 stands beside it."""
    found = best(LINE, PAIR, top_k=6, nms=float(radius))
    assert [k[3] for k in found if k[1] >= 0] == columns
    assert all(k[1] in (0, -1) for k in found)  # the equal pose 1 of the same cell is always suppressed


def test_nms_is_a_square_of_cells() -> None:
    field = np.zeros((1, 1, 4, 4), np.float32)
    field[0, 0, 1, 1], field[0, 0, 2, 2], field[0, 0, 3, 1], field[0, 0, 1, 3] = 9, 8, 7, 6
    assert [k[2:] for k in best(field, PAIR[:1], top_k=3, nms=1)] == [(1, 1), (3, 1), (1, 3)]


def test_neighbours_say_which_poses_suppress_which() -> None:
    """neighbours[0, 1] only: what pose 0 took is closed to pose 1; nothing closes pose 0, not even itself."""
    neighbours = np.array([[False, True], [False, False]])
    field = np.array([3.0, 2.0], np.float32).reshape(1, 1, 1, 2)
    assert best(field, PAIR, top_k=5, nms=(0.0, neighbours)) == [
        (3, 0, 0, 0),
        (2, 0, 0, 1),
        *[(-np.inf, -1, -1, -1)] * 3,
    ]
    # Pose 1 first: it suppresses none, and pose 0 suppresses what is left of pose 1 within one cell.
    weighted = np.array([1.0, 2.0], np.float32).reshape(2, 1, 1, 1)
    found = best(field, weighted, top_k=5, nms=(1.0, neighbours))
    assert found == [(6, 1, 0, 0), (4, 1, 0, 1), (3, 0, 0, 0), (2, 0, 0, 1), (-np.inf, -1, -1, -1)]
    everything = np.ones((2, 2), bool)
    assert best(LINE, PAIR, top_k=6, nms=(1.0, everything)) == best(LINE, PAIR, top_k=6, nms=1.0)


def test_nms_goes_by_the_order_of_ties() -> None:
    flat = np.ones((1, 1, 1, 5), np.float32)
    assert [k[3] for k in best(flat, PAIR, top_k=4, nms=1.0)] == [0, 2, 4, -1]


def test_nms_counts_listed_positions_only() -> None:
    """The peak in column 1 is not listed, so that it suppresses nothing."""
    places = np.array([[0, 2], [0, 0], [0, 0]])
    assert [k[3] for k in best(LINE, PAIR[:1], top_k=3, nms=1.0, positions=places)] == [2, 0, -1]


def test_the_result_is_float64_and_int64() -> None:
    result = pose_argmax(ROW, PAIR)
    assert isinstance(result, PoseResult)
    assert [part.dtype for part in result] == [np.float64, np.int64, np.int64, np.int64]
