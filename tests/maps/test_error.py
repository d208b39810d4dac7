"""The error measures: closed forms, bounds, empty cells, wrong arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equivfast.maps import clipped_share, hellinger, relative_l2


def cell(*channels: float) -> np.ndarray:
    return np.array(channels)[:, None, None]


@pytest.mark.parametrize(
    ("p", "q", "distance"),
    [
        ((1, 3), (2, 6), 0),  # the same histogram
        ((1, 0), (0, 5), 1),  # nothing in common
        # sqrt(1 - sum sqrt(p q)), the other form of the distance
        ((1, 1), (1, 0), np.sqrt(1 - np.sqrt(0.5))),
        ((-4, 1, 1), (0, 2, 2), 0),  # negative channels count as 0
        ((0, 0), (0, 0), 0),
        ((-1, 0), (0, 0), 0),
        ((0, 0), (1, 2), 1),
        ((1, 2), (0, -2), 1),
        ((1e-7, 2e-6), (0, 0), 0),  # a flat cell as a learned map predicts it
        ((1e-7, 2e-6), (1, 2), 1),
        ((1e-4, 1e-4), (1, 1), 0),  # little energy is energy
    ],
)
def test_hellinger_of_one_cell(p: tuple[float, ...], q: tuple[float, ...], distance: float) -> None:
    found = hellinger(cell(*p), cell(*q))
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(distance, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(1, 6))
def test_hellinger_is_a_distance(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, r = rng.normal(0.5, 1, size=(3, n, d, 2, 3))
    pq, qp, qr, pr = hellinger(p, q), hellinger(q, p), hellinger(q, r), hellinger(p, r)
    assert pq.shape == (n, 2, 3)
    np.testing.assert_array_equal(pq, qp)
    assert ((pq >= 0) & (pq <= 1)).all()
    assert (pr <= pq + qr + 1e-12).all()
    assert not hellinger(p, p).any()


def test_each_cell_by_itself_and_torch_is_numpy() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.random((2, 4, 5, 3, 2))
    by_cell = hellinger(p, q)
    assert by_cell[2, 1, 0] == pytest.approx(hellinger(p[2, :, 1:2, :1], q[2, :, 1:2, :1])[0, 0])
    np.testing.assert_array_equal(
        hellinger(torch.from_numpy(p).requires_grad_(), torch.from_numpy(q)), by_cell
    )


def test_relative_l2() -> None:
    q = np.array([3.0, 4.0]).reshape(2, 1, 1)
    assert relative_l2(q, q) == 0
    assert relative_l2(0 * q, q) == 1
    assert relative_l2(q + cell(3, 4), q) == pytest.approx(1)
    assert relative_l2(q, 0 * q) == np.inf and relative_l2(0 * q, 0 * q) == 0


def test_clipped_share() -> None:
    assert clipped_share(cell(-1, 3)) == 0.25
    assert clipped_share(cell(1, 3)) == 0 and not np.signbit(clipped_share(cell(1, 3)))
    assert clipped_share(cell(0, 0)) == 0 == clipped_share(np.zeros((0, 2, 3, 3)))


@pytest.mark.parametrize("measure", [hellinger, relative_l2])
@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (
            np.ones((2, 3)),
            np.ones((2, 3)),
            r"p must be numbers \(n, d, H, W\) or \(d, H, W\), got float64 \(2, 3\)",
        ),
        (
            np.ones((1, 2, 2)),
            np.ones((1, 2, 3)),
            r"p and q must have one shape, got \(1, 2, 2\) and \(1, 2, 3\)",
        ),
        (np.ones((1, 2, 2)), np.full((1, 2, 2), np.nan), "q must be finite, got NaN or infinity"),
        (np.ones((1, 2, 2)) > 0, np.ones((1, 2, 2)), "p must be numbers .*, got bool"),
    ],
)
def test_spoiled_fields_are_named(measure: Any, p: np.ndarray, q: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{measure.__name__}: {message}"):
        measure(p, q)
