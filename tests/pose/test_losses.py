"""Losses between poses, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast import groups, pose
from equivfast.pose.losses import angle_differences, angles_of, keypoint_distances

POINTS = [[-10.0, -6.0], [10.0, -6.0], [0.0, 5.0]]


def mixed() -> list[groups.Transform]:
    return [
        groups.identity(),
        groups.rotation(170) @ groups.scaling(0.7),
        groups.rotation(-175),
        groups.affine([[1.1, 0.2], [-0.1, 0.9]], (3, -4)),
    ]


def test_angles_are_those_of_the_nearest_rotation():
    for angle in (-179, -90, -0.5, 0, 33, 180):
        turned = groups.rotation(angle) @ groups.affine([[1.3, 0.2], [0.2, 0.8]])  # symmetric: turns nothing
        assert angles_of([turned])[0] == pytest.approx(angle)


def test_angle_loss_is_the_difference_on_the_circle_over_the_scale():
    turns = [groups.rotation(angle) for angle in (0, 20, 350, 180)]
    wanted = np.array([[0, 20, 10, 180], [20, 0, 30, 160], [10, 30, 0, 170], [180, 160, 170, 0]]) / 45
    assert np.allclose(pose.angle_loss(turns), np.minimum(wanted, 1))
    assert np.allclose(pose.angle_loss(turns, scale=360), wanted / 8)
    assert np.allclose(
        pose.angle_loss(turns, truth=[groups.rotation(5)]), np.minimum([[5, 15, 15, 175]], 45) / 45
    )


def test_keypoint_loss_is_the_mean_distance_of_moved_points_over_the_scale():
    shift = groups.translation(3, 4)
    assert np.allclose(pose.keypoint_loss([groups.identity(), shift], POINTS, 10), [[0, 0.5], [0.5, 0]])
    assert np.allclose(pose.keypoint_loss([groups.identity(), shift], POINTS, 4), [[0, 1], [1, 0]])
    g, h = mixed()[1], mixed()[3]
    moved = [np.linalg.norm(g(p) - h(p)) for p in POINTS]
    assert keypoint_distances([g], [h], POINTS)[0, 0] == pytest.approx(np.mean(moved))
    assert np.allclose(pose.keypoint_loss([g, h], POINTS, 100, truth=[h]), [[np.mean(moved) / 100, 0]])


def test_tables_are_symmetric_and_do_not_change_with_a_common_rotation():
    after = [groups.rotation(77) @ g for g in mixed()]
    # The angle of a bent map moves with the rotation, too.
    for loss in (pose.angle_loss, lambda poses: pose.keypoint_loss(poses, POINTS, 40)):
        table = loss(mixed())
        assert np.array_equal(table, table.T)
        assert not table.diagonal().any()
        assert np.allclose(loss(after), table, atol=1e-9)
    assert angle_differences(-170, 170) == pytest.approx(20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pose.angle_loss([]), "at least one"),
        (lambda: pose.angle_loss(["rot:10"]), "transformations"),
        (lambda: pose.angle_loss([groups.hflip()]), "must not mirror, got hflip at 0"),
        (lambda: pose.angle_loss([groups.identity()], scale=0), "scale must be above 0, got 0"),
        (lambda: pose.keypoint_loss([groups.identity()], [[0, 0]], float("nan")), "scale must be above 0"),
        (lambda: pose.keypoint_loss([groups.identity()], [1, 2], 1), "points must be"),
        (lambda: pose.keypoint_loss([groups.identity()], np.zeros((0, 2)), 1), "points must be"),
        (lambda: pose.keypoint_loss([groups.identity()], [[0, np.nan]], 1), "points must be"),
    ],
)
def test_spoiled_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
