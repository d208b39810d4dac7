"""The oracle of feature_transform: tiny cases worked by hand, and SciPy's correlation."""

from __future__ import annotations

import numpy as np
import scipy.signal

from equivfast.reference.feature_transform import feature_transform, gather

FIELD = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])  # (1, 1, 2, 3)


def test_gather_by_hand() -> None:
    index = np.array([[[0, 5], [-1, 2]], [[4, 4], [-1, -1]]])
    np.testing.assert_array_equal(gather(FIELD, index, None)[0, 0], [[3.5, 1.5], [5.0, 0.0]])
    weight = np.array([[[2.0, 1.0], [9.0, -1.0]], [[0.5, 0.0], [7.0, 7.0]]])
    np.testing.assert_array_equal(gather(FIELD, index, weight)[0, 0], [[8.0, -3.0], [2.5, 0.0]])
    np.testing.assert_array_equal(gather(FIELD, np.array([[2, 1, 0]]), None)[0, 0], [[3.0, 2.0, 1.0]])


def test_outside_is_not_renormalised() -> None:
    """One of two sources is outside: half of the other one is left."""
    assert gather(FIELD, np.array([[[5, -1]]]), None)[0, 0, 0, 0] == 3.0


def test_mix_and_bias_by_hand() -> None:
    x = np.array([[[[1.0, 2.0]], [[10.0, 20.0]]]])  # two channels of one row
    out = feature_transform(
        x, np.array([[1, 0]]), np.array([[1.0, 0.1], [0.0, 2.0]]), bias=np.array([0.0, 5.0])
    )
    np.testing.assert_allclose(out[0], [[[4.0, 2.0]], [[45.0, 25.0]]])


def test_a_filter_is_a_correlation_with_zeros_beyond_the_field() -> None:
    rng = np.random.default_rng(0)
    for m in (1, 3, 5):
        x, mix = rng.standard_normal((2, 3, 4, 6)), rng.standard_normal((5, 3, m, m))
        out = feature_transform(x, np.arange(24).reshape(4, 6), mix)
        for i in range(2):
            for d in range(5):
                wanted = sum(scipy.signal.correlate2d(x[i, c], mix[d, c], "same") for c in range(3))
                np.testing.assert_allclose(out[i, d], wanted, atol=1e-13)


def test_a_shift_of_the_filter_reads_the_neighbour_on_that_side() -> None:
    mix = np.zeros((1, 1, 3, 3))
    mix[0, 0, 1, 2] = 1  # dx = +1
    out = feature_transform(FIELD, np.arange(6).reshape(2, 3), mix)
    np.testing.assert_array_equal(out[0, 0], [[2.0, 3.0, 0.0], [5.0, 6.0, 0.0]])


def test_it_is_linear_in_the_field() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 1, 3, 4, 5))
    index, mix = rng.integers(-1, 20, (6, 7, 2)), rng.standard_normal((2, 3, 3, 3))
    wanted = 2 * feature_transform(a, index, mix) - 3 * feature_transform(b, index, mix)
    np.testing.assert_allclose(feature_transform(2 * a - 3 * b, index, mix), wanted, atol=1e-12)
