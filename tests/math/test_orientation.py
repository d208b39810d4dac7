"""Orientation bins, a discrete decision: every form of it agrees on every gradient that an 8-bit image can have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equivfast as ef
from equivfast.reference.hog import orientation_bin, unit_vector

probe = pytest.importorskip("equivfast._probe", reason="built without EQUIVFAST_PROBE")

GX, GY = (g.ravel().astype(np.float32) for g in np.meshgrid(np.arange(-255, 256), np.arange(-255, 256)))
RULES = [(n, False) for n in range(3, 13)] + [(9, True)]
RULE_NAMES = [f"{n}{'-four-digits' if four else ''}" for n, four in RULES]


@pytest.mark.parametrize(("n", "four_digits"), RULES, ids=RULE_NAMES)
def test_vector_scalar_and_oracle_take_the_same_bin(n: int, four_digits: bool) -> None:
    vector = probe.orientation_bins(GX, GY, n, four_digits, True)
    np.testing.assert_array_equal(vector, probe.orientation_bins(GX, GY, n, four_digits, False))
    np.testing.assert_array_equal(vector, orientation_bin(GX, GY, n, four_digits))


@pytest.mark.parametrize(("n", "four_digits"), RULES, ids=RULE_NAMES)
def test_every_level_votes_into_the_bin_of_the_oracle(n: int, four_digits: bool, cpu_level: str) -> None:
    """Through hog itself: images of three rows, whose middle row is a ramp, so that pixel x of image i has the
    gradient (i - 255, x - 256). With cells of one pixel the only non-zero directed channel is the bin."""
    ramp = np.arange(513, dtype=np.float32) / 2
    images = np.zeros((511, 1, 3, 513), np.float32)
    images[:, 0, 1] = np.arange(-255, 256, dtype=np.float32)[:, None] * ramp
    images[:, 0, 2] = np.arange(-256, 257, dtype=np.float32)
    field = ef.hog(torch.from_numpy(images), 1, n, "dpm" if four_digits else "uoctti").numpy()
    if not four_digits:
        field = field[:, :, 1:-1, 1:-1]  # as dpm drops its outermost cells
    votes = field[:, : 2 * n, 0].transpose(0, 2, 1)
    gx, gy = np.meshgrid(
        np.arange(-255, 256, dtype=np.float32), np.arange(-255, 256, dtype=np.float32), indexing="ij"
    )
    moving = (gx != 0) | (gy != 0)
    assert ((votes > 0).sum(-1) == moving).all()
    np.testing.assert_array_equal(votes.argmax(-1)[moving], orientation_bin(gx, gy, n, four_digits)[moving])


@pytest.mark.parametrize("n", range(3, 17))
def test_bin_is_the_largest_projection_as_in_vlfeat(n: int) -> None:
    """VLFeat compares |g . c_k| over the n undirected bin centres in float32, and the first largest wins. Two
    orientations are left out: at 135 degrees both projections are equal, so VLFeat takes orientation 0, here bin 2;
    we take the lower neighbour, bin 1."""
    centres = np.array([unit_vector(k, n) for k in range(n)], np.float32)
    projection = GX[:, None] * centres[:, 0] + GY[:, None] * centres[:, 1]
    best = np.abs(projection).argmax(1)
    signed = np.take_along_axis(projection, best[:, None], 1)[:, 0]
    wanted = np.where(signed > 0, best, best + n)
    moving = (GX != 0) | (GY != 0)
    np.testing.assert_array_equal(probe.orientation_bins(GX, GY, n, False, True)[moving], wanted[moving])


def test_two_orientations_tie_at_the_diagonals_and_take_the_lower_bin() -> None:
    # 45, 135, 225, 315 degrees
    gx, gy = np.array([1, -1, -1, 1], np.float32), np.array([1, 1, -1, -1], np.float32)
    assert probe.orientation_bins(gx, gy, 2, False, True).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [3, 4, 9, 128])
def test_bin_centres_fall_into_their_own_bins(n: int) -> None:
    angle = np.pi * np.arange(2 * n) / n
    bins = probe.orientation_bins(np.cos(angle), np.sin(angle), n, False, True)
    np.testing.assert_array_equal(bins, np.arange(2 * n))


@pytest.mark.parametrize("tail", [0, 1, 7, 15, 16, 17, 33])
def test_vector_form_has_no_wrong_tail(tail: int) -> None:
    rng = np.random.default_rng(tail)
    gx, gy = rng.standard_normal((2, 64 + tail)).astype(np.float32)
    np.testing.assert_array_equal(
        probe.orientation_bins(gx, gy, 9, False, True), probe.orientation_bins(gx, gy, 9, False, False)
    )


def test_nan_and_infinity_stay_inside_the_bins() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0, 3e38, -3e38, 1e-45], np.float32)
    gx, gy = (g.ravel() for g in np.meshgrid(odd, odd))
    for vector in (False, True):
        bins = probe.orientation_bins(gx, gy, 9, False, vector)
        assert ((bins >= 0) & (bins < 18)).all()


def test_angle_of_cosine() -> None:
    cosine = np.concatenate([np.linspace(0, 1, 200_001), 1 - np.logspace(-7.2, 0, 10_000)]).astype(np.float32)
    wanted = np.arccos(cosine.astype(np.float64))
    error = np.abs(probe.angle_of_cosine(cosine) - wanted)
    assert (error <= 3e-7 * wanted).all()
