"""Spectra and invariant subspaces against NumPy and planted ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import ortho_group

from equivfast import groups, maps, measures

HFLIP = groups.hflip()


def turn(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


def planted(c: int, seed: int, *blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with these blocks in a skewed basis, and the basis."""
    rng = np.random.default_rng(seed)
    basis = ortho_group.rvs(c, random_state=seed) @ np.diag(rng.uniform(0.5, 2, c)) + 0.1 * rng.normal(
        size=(c, c)
    )
    return basis @ block_diag(*blocks) @ np.linalg.inv(basis), basis


@pytest.mark.parametrize("c", [1, 2, 7, 64])
def test_it_is_numpys_spectrum_nearest_to_1_first(c: int, map_of: Callable) -> None:
    weight = np.random.default_rng(c).normal(size=(c, c))
    values = measures.spectrum(map_of(weight, HFLIP))
    assert values.shape == (c,) and values.dtype == complex
    distance = np.abs(values - 1)
    assert (np.diff(distance) >= 0).all()
    expected = np.linalg.eigvals(weight)
    np.testing.assert_allclose(
        values[np.lexsort((values.imag, values.real.round(9)))],
        expected[np.lexsort((expected.imag, expected.real.round(9)))],
        atol=1e-9,
    )


def test_conjugates_stand_side_by_side_and_sparse_maps_are_taken(map_of: Callable) -> None:
    m = map_of(np.eye(8)[[1, 2, 3, 0, 5, 6, 7, 4]], HFLIP)
    assert hasattr(m.weight, "toarray")
    values = measures.spectrum(m)
    assert (values[2:6].imag.round(6) == [1, 1, -1, -1]).all() or (
        values[2:6].imag.round(6) == [1, -1, 1, -1]
    ).all()
    np.testing.assert_allclose(values[[0, 1, 6, 7]], [1, 1, -1, -1], atol=1e-9)


def test_the_threshold_of_a_control_has_a_floor(map_of: Callable) -> None:
    assert measures.control_threshold(map_of(np.eye(5), HFLIP)) == 1e-6
    assert measures.control_threshold(map_of(np.diag([1, 0.9, 1.05]), HFLIP)) == pytest.approx(0.1)
    assert measures.control_threshold(map_of(turn(30), HFLIP)) == pytest.approx(
        np.abs(np.exp(1j * np.pi / 6) - 1)
    )


def test_a_planted_subspace_is_found_in_a_skewed_basis(map_of: Callable) -> None:
    """Twice 1, a pair near 1 and a pair far from it: the pair near 1 belongs to the space as a whole."""
    weight, basis = planted(9, 0, np.diag([0.2, 1, -0.5]), turn(3), turn(80), np.diag([1, 1.4]))
    m = map_of(weight, HFLIP)
    for threshold, columns in ((1e-6, [1, 7]), (0.1, [1, 3, 4, 7]), (0.45, [1, 3, 4, 7, 8])):
        found = measures.invariant_subspace(m, threshold)
        assert found.shape == (9, len(columns)) == (9, measures.invariant_dimension(m, threshold))
        np.testing.assert_allclose(found.T @ found, np.eye(len(columns)), atol=1e-9)
        assert measures.subspace_angles(found, basis[:, columns]).max() < 1e-5


def test_it_is_well_defined_where_eigenvectors_are_not(map_of: Callable) -> None:
    """A Jordan block has one eigenvector, and a space of two dimensions."""
    weight, basis = planted(5, 1, np.array([[1.0, 1], [0, 1]]), np.diag([0.1, -0.3, 0.5]))
    found = measures.invariant_subspace(map_of(weight, HFLIP), 1e-4)
    assert found.shape == (5, 2)
    assert measures.subspace_angles(found, basis[:, :2]).max() < 1e-3


def test_nothing_and_everything(map_of: Callable) -> None:
    m = map_of(np.diag([2.0, 3.0]), HFLIP)
    assert measures.invariant_subspace(m, 0.5).shape == (2, 0) and measures.invariant_dimension(m, 0.5) == 0
    assert measures.invariant_subspace(m, 2).shape == (2, 2)
    assert measures.subspace_angles(measures.invariant_subspace(m, 0.5), np.eye(2)).shape == (0,)


def test_many_channels_with_a_threshold_through_a_dense_spectrum(map_of: Callable) -> None:
    weight = np.eye(256) + np.random.default_rng(2).normal(size=(256, 256)) / 16
    m = map_of(weight, HFLIP)
    distance = np.sort(np.abs(np.linalg.eigvals(weight) - 1))
    for threshold in (0.3, 0.7, distance[-1] + 1e-9):
        found = measures.invariant_subspace(m, threshold)
        assert found.shape[1] == measures.invariant_dimension(m, threshold) == (distance <= threshold).sum()
        moved = weight @ found
        np.testing.assert_allclose(
            found @ (found.T @ moved), moved, atol=1e-9
        )  # the space is mapped into itself


def test_angles_are_those_that_were_planted() -> None:
    u = np.eye(5)[:, :2]
    v = np.eye(5)[:, :2].copy()
    v[[0, 2], 0] = np.cos(np.radians(30)), np.sin(np.radians(30))
    np.testing.assert_allclose(measures.subspace_angles(u, 3 * v), [30, 0], atol=1e-6)


def test_what_they_refuse(map_of: Callable) -> None:
    m, grid = map_of(np.eye(2), HFLIP), groups.Grid.centred(2, 2, 8)
    with pytest.raises(ValueError, match=r"^spectrum: m must be of kind 'shared', got 'window'"):
        measures.spectrum(maps.identity(grid, 2, kind="window"))
    with pytest.raises(ValueError, match=r"^control_threshold: control must have support 1, got 3"):
        measures.control_threshold(map_of(np.zeros((2, 2, 3, 3)), HFLIP))
    with pytest.raises(ValueError, match=r"^spectrum: m must be a Map, got ndarray"):
        measures.spectrum(np.eye(2))  # type: ignore[arg-type]
    x = np.random.default_rng(0).normal(size=(9, 3, 2, 2))
    uneven = maps.solve(maps.Statistics(HFLIP, grid, grid, (3, 2), support=1).update(x, x[:, :2]))
    with pytest.raises(
        ValueError, match=r"^spectrum: m must have as many output as input channels, got 3 and 2"
    ):
        measures.spectrum(uneven)
    for threshold in (-0.1, float("nan")):
        with pytest.raises(
            ValueError, match=r"^invariant_subspace: threshold must be a finite number of at least 0"
        ):
            measures.invariant_subspace(m, threshold)
    with pytest.raises(
        ValueError, match=r"^subspace_angles: u and v must have columns of one length, got 2 and 3"
    ):
        measures.subspace_angles(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match=r"^subspace_angles: v must be finite columns"):
        measures.subspace_angles(np.eye(2), np.full((2, 1), np.nan))
