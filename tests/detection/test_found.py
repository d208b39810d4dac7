"""Finds: their angle and corners, and which of several are one object."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.detection import Detection
from equivfast.detection.found import angle_of, distinct
from equivfast.groups import affine, hflip, rotation, scaling


def find(x: float, y: float, score: float, scale: float = 1.0) -> Detection:
    return Detection.at(np.array([x, y]), scaling(scale), score, (40.0, 20.0))


@pytest.mark.parametrize("degrees", [0, 30, -120, 179])
def test_angles_are_those_of_the_rotation(degrees: float) -> None:
    assert angle_of((rotation(degrees) @ scaling(0.7)).linear) == pytest.approx(degrees)
    assert angle_of((rotation(degrees) @ hflip()).linear) == pytest.approx(degrees)


def test_the_angle_of_a_stretched_pose_is_that_of_the_nearest_rotation() -> None:
    stretch = affine([[1.2, 0.0], [0.0, 0.9]])
    assert angle_of((rotation(20) @ stretch).linear) == pytest.approx(20)


def test_corners_go_around_from_the_example_s_upper_left() -> None:
    np.testing.assert_allclose(find(10, 20, 1).corners, [(-10, 10), (30, 10), (30, 30), (-10, 30)])
    turned = Detection.at(np.array([0.0, 0.0]), rotation(90) @ scaling(2), 1.0, (40.0, 20.0))
    # The example's upper left corner (-20, -10) goes to the lower left.
    np.testing.assert_allclose(turned.corners[0], (-20, 40), atol=1e-9)
    assert turned.scale == pytest.approx(2) and turned.angle == pytest.approx(90)


def test_the_better_of_two_at_one_place_stays() -> None:
    near, far = find(5, 0, 0.8), find(30, 0, 0.7)
    best = find(0, 0, 0.9)
    assert distinct([near, far, best], 0.5) == [2, 1]  # half of 20 pixels
    assert distinct([near, best], 0.1) == [1, 0]
    small = find(9, 0, 0.5, scale=0.5)  # its own half is 5 pixels
    assert distinct([best, small], 0.5) == [0, 1]
    assert distinct([], 0.5) == []
