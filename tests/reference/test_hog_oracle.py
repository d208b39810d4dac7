"""The oracle of hog against closed forms, tiny cases worked by hand, and rotated edges."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.reference.hog import (
    bin_slopes,
    cells_of,
    hog,
    normalise,
    orientation_bin,
    second_vote,
    strongest_gradient,
    unit_vector,
)

VARIANTS = ("uoctti", "dalal-triggs", "dpm")


def edge(size: int, degrees: float, height: float = 1.0) -> np.ndarray:
    """A linear ramp (1, size, size) that rises in the direction (cos, sin), y down."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angle = np.deg2rad(degrees)
    return (height * (np.cos(angle) * x + np.sin(angle) * y))[None]


def histogram(
    image: np.ndarray, cell: int = 4, n: int = 9, bilinear: bool = False, dpm: bool = False
) -> np.ndarray:
    return cells_of(image, cell, n, bilinear, dpm)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_constant_image_has_no_features(variant: str) -> None:
    assert not hog(np.full((3, 40, 32), 77.0), variant=variant).any()


@pytest.mark.parametrize("degrees", range(0, 360, 20))
def test_a_ramp_along_a_bin_centre_fills_that_bin_alone(degrees: int) -> None:
    """The centred difference of a ramp of slope s is 2 s. An inner cell of 4 pixels gathers 16 votes in all: its
    bilinear weights sum to 4 along either axis. Bilinear assignment sees a float32 cosine: one that is an ulp below
    1 is an angle of 0.02 degrees, a thousandth of a bin."""
    for bilinear, limit in ((False, 1e-9), (True, 2e-3)):
        inner = histogram(edge(32, degrees, 3.0), bilinear=bilinear)[:, 2:-2, 2:-2]
        wanted = np.zeros((18, 4, 4))
        wanted[degrees // 20] = 16 * 6.0
        assert np.abs(inner - wanted).max() <= 96 * limit


@pytest.mark.parametrize("degrees", [3, 11, 29, 45, 91, 134, 178, 185, 222, 301, 357])
def test_a_rotated_ramp_is_shared_by_the_two_nearest_bins(degrees: int) -> None:
    """Bilinear: the mean of the bins, weighted by votes, is the angle itself. Nearest: the rounded angle."""
    inner = histogram(edge(32, degrees), bilinear=True)[:, 3, 3]
    lower = degrees // 20
    assert np.flatnonzero(inner > 1e-5).tolist() == sorted({lower, (lower + 1) % 18})
    share = inner[(lower + 1) % 18] / inner.sum()
    assert 20 * (lower + share) == pytest.approx(degrees, abs=1e-3)
    assert histogram(edge(32, degrees))[:, 3, 3].argmax() == round(degrees / 20) % 18


def test_a_step_edge_votes_its_height_into_one_bin() -> None:
    """A vertical step of 5 between columns 3 and 4 of 8: centred differences of 5 in columns 3 and 4, rows 1 .. 6.
    With cells of 4 pixels centred at 1.5 and 5.5, column 3 gives 5/8 to the left cell and 3/8 to the right one, and
    column 4 the reverse. Rows 1 .. 5 lie .5, .5, 1.5, 2.5, 3.5 pixels from the upper centre."""
    image = np.zeros((1, 8, 8))
    image[:, :, 4:] = 5.0
    cells = histogram(image)
    rows = 0.875 + 0.875 + 0.625 + 0.375 + 0.125
    np.testing.assert_allclose(cells[0], np.full((2, 2), rows * 5.0))
    assert not cells[1:].any()
    falling = histogram(-image)
    np.testing.assert_allclose(falling[9], cells[0])
    assert not np.delete(falling, 9, 0).any()


def test_one_bright_pixel_by_hand() -> None:
    """Pixel (row 2, column 2) of 5 x 5 is 1. Its four neighbours have gradients of length 1 that point at it. One
    cell of 5 pixels is centred on it, and each neighbour, a fifth of a cell off the centre, gives it 4/5."""
    image = np.zeros((1, 5, 5))
    image[0, 2, 2] = 1
    cells = histogram(image, cell=5, n=4)
    assert cells.shape == (8, 1, 1)
    # left neighbour: right (0); upper: down (90 degrees, bin 2); right: left (bin 4); lower: up (bin 6)
    np.testing.assert_allclose(cells[:, 0, 0], [0.8, 0, 0.8, 0, 0.8, 0, 0.8, 0])
    # undirected: 1.6, 0, 1.6, 0; energy 5.12; all four blocks hold the one cell four times
    inverse = 1 / np.sqrt(4 * 5.12 + 1e-4)
    directed, undirected = 0.8 * inverse, min(1.6 * inverse, 0.2)
    assert directed < 0.2 and undirected == 0.2
    wanted = [2 * directed, 0] * 4 + [0.4, 0, 0.4, 0] + [0.4 / np.sqrt(18)] * 4
    np.testing.assert_allclose(hog(image, cell=5, orientations=4)[:, 0, 0], wanted)
    wanted = [0.2, 0, 0.2, 0] * 4
    np.testing.assert_allclose(hog(image, cell=5, orientations=4, variant="dalal-triggs")[:, 0, 0], wanted)


def test_dpm_textures_sum_directed_bins_in_the_order_br_tr_bl_tl() -> None:
    """Four cells that differ in energy, as the blocks TL, TR, BL, BR of the single inner cell of 3 x 3."""
    cells = np.zeros((18, 3, 3))
    cells[0, 1, 1] = 1.0
    for (row, column), energy in {(0, 0): 3.0, (0, 2): 4.0, (2, 0): 5.0, (2, 2): 6.0}.items():
        cells[0, row, column] = energy
    clipped = [1 / np.sqrt(1 + energy**2 + 1e-4) for energy in (6.0, 4.0, 5.0, 3.0)]
    wanted = 0.2357 * np.minimum(clipped, 0.2)
    np.testing.assert_allclose(normalise(cells, "dpm")[27:, 1, 1], wanted)
    order = [3, 1, 2, 0]
    ours = normalise(cells, "uoctti")[27:, 1, 1]
    np.testing.assert_allclose(ours[order], wanted / 0.2357 / np.sqrt(18))


def test_dpm_repeats_the_last_gradient_beyond_the_image() -> None:
    """11 pixels round to 3 cells of 4, or 12 pixels: pixel 10 repeats the gradient of pixel 9."""
    x = np.arange(11.0) ** 2
    image = np.broadcast_to(x, (1, 12, 11))
    longer = np.append(x, x[9] + (x[10] - x[8]))  # makes the difference at 10 equal to that at 9
    np.testing.assert_allclose(
        histogram(image, dpm=True), histogram(np.broadcast_to(longer, (1, 12, 12)), dpm=True)
    )


def test_the_first_of_equally_strong_channels_wins() -> None:
    right, down = edge(3, 0)[0], edge(3, 90)[0]
    for first, second, angle in ((right, down, 0), (down, right, 90)):
        dx, dy, *_ = strongest_gradient(np.stack([first, second]))
        assert np.rad2deg(np.arctan2(dy, dx)) == pytest.approx(angle)
    dx, dy, *_ = strongest_gradient(np.stack([right, 1.01 * down]))
    assert dy > dx


def test_ties_between_bins_go_to_the_lower_one() -> None:
    gx, gy = np.array([0, 0], np.float32), np.array([1, -1], np.float32)
    assert orientation_bin(gx, gy, 9).tolist() == [4, 13]
    assert orientation_bin(gx, gy, 9, four_digits=True).tolist() == [4, 13]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 8, 9, 12, 128])
def test_boundaries_lie_between_centres_and_swap_with_the_axes(n: int) -> None:
    flat, steep = bin_slopes(n)
    degrees = [*np.rad2deg(np.arctan(flat)), *(90 - np.rad2deg(np.arctan(steep)))]
    np.testing.assert_allclose(degrees, (np.arange(n // 2) + 0.5) * 180 / n, atol=2e-5)
    assert (flat <= 1).all() and (steep < 1).all()
    if n % 2 == 0:  # x and y change places: the same numbers, so that quarter turns are exact
        np.testing.assert_array_equal(steep[::-1], flat[: len(steep)])
    for k in range(n + 1):
        u, v = unit_vector(k, n)
        assert (u, v) == pytest.approx((np.cos(np.pi * k / n), np.sin(np.pi * k / n)), abs=1e-15)


def test_second_vote_is_the_angle_in_bins() -> None:
    angle = np.deg2rad(np.arange(0, 360, 3.7))
    gx, gy = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    nearest = orientation_bin(gx, gy, 9)
    second, share, _ = second_vote(gx, gy, nearest, 9)
    step = (second - nearest + 9) % 18 - 9
    assert set(step.tolist()) <= {-1, 1}
    np.testing.assert_allclose((20 * (nearest + step * share)) % 360, np.rad2deg(angle) % 360, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "cell", "plain", "dpm"), [(64, 8, 8, 6), (51, 8, 6, 4), (52, 8, 7, 5), (7, 3, 2, 0)]
)
def test_counts_of_cells(size: int, cell: int, plain: int, dpm: int) -> None:
    """The last cell needs half of its pixels, rounded up; voc-dpm rounds half up and drops a cell at either end."""
    image = np.zeros((1, size, size))
    assert hog(image, cell).shape[1:] == (plain, plain)
    assert hog(image, cell, variant="dpm").shape[1:] == (dpm, dpm)


def test_clipping_at_a_fifth() -> None:
    field = hog(edge(32, 0, 100.0), 4)
    np.testing.assert_allclose(field[0], 0.4)
    np.testing.assert_allclose(field[18], 0.4)
