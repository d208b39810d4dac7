"""What photographs have in common: the covariance against sums written out, and its file."""

from __future__ import annotations

import numpy as np
import pytest

from equivfast.detection import Background, background, natural_background
from equivfast.representations import HOG


@pytest.fixture
def fields() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=(2, 7, 9)), random.normal(size=(2, 4, 12))]


def test_covariance_is_that_of_all_pairs_of_cells(fields: list[np.ndarray]) -> None:
    found = Background.learn(fields, reach=3)
    mean = np.concatenate([f.reshape(2, -1) for f in fields], 1).mean(1)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    for dy, dx in [(0, 0), (2, -3), (-1, 2), (3, 3)]:
        total, count = np.zeros((2, 2)), 0
        for f in fields:
            for y, x in np.ndindex(f.shape[1:]):
                if 0 <= y + dy < f.shape[1] and 0 <= x + dx < f.shape[2]:
                    total += np.outer(f[:, y, x] - mean, f[:, y + dy, x + dx] - mean)
                    count += 1
        np.testing.assert_allclose(found.covariance[3 + dy, 3 + dx], total / count, atol=1e-12)


def test_the_matrix_of_cells_takes_each_pair_s_block(fields: list[np.ndarray]) -> None:
    found = Background.learn(fields, reach=3)
    cells = np.array([(0, 0), (1, 2), (3, 1)])
    matrix = found.matrix(cells)
    assert matrix.shape == (6, 6)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(matrix[2:4, 4:6], found.covariance[3 + 2, 3 - 1])


def test_cells_too_far_apart_and_no_field_are_refused(fields: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at most 3 apart, got 4"):
        Background.learn(fields, reach=3).matrix(np.array([(0, 0), (0, 4)]))
    with pytest.raises(ValueError, match="at least one field, got none"):
        Background.learn([])


def test_offsets_larger_than_every_field_are_zero() -> None:
    found = Background.learn([np.ones((1, 2, 2))], reach=3)
    assert not found.covariance[6, 6].any()


def test_a_kept_background_is_read_and_a_damaged_one_learned_again(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIVFAST_CACHE", str(tmp_path))
    monkeypatch.setattr(background, "REACH", 3)
    monkeypatch.setattr(background.data, "photographs", lambda names: _few())
    phi = HOG(cell=4, orientations=4)
    monkeypatch.setattr(background, "_LEAST", 6)
    background._natural.cache_clear()
    first = natural_background(phi)
    (path,) = background.cache_folder().rglob("*.safetensors")
    monkeypatch.setattr(Background, "learn", _must_not_run)
    background._natural.cache_clear()
    np.testing.assert_array_equal(natural_background(phi).covariance, first.covariance)
    monkeypatch.undo()
    monkeypatch.setattr(background, "_LEAST", 6)
    monkeypatch.setenv("EQUIVFAST_CACHE", str(tmp_path))
    monkeypatch.setattr(background, "REACH", 3)
    monkeypatch.setattr(background.data, "photographs", lambda names: _few())
    path.write_bytes(path.read_bytes()[:100])
    background._natural.cache_clear()
    np.testing.assert_array_equal(natural_background(phi).covariance, first.covariance)
    assert path.stat().st_size > 100
    # A file of right shapes whose numbers are not finite is no better.
    background.FILE.write(path, {}, {"mean": first.mean * np.nan, "covariance": first.covariance})
    background._natural.cache_clear()
    assert np.isfinite(natural_background(phi).mean).all()
    background._natural.cache_clear()


def _few() -> list[background.data.Photograph]:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    return [background.data.Photograph("noise", pixels)]


def _must_not_run(*_: object) -> Background:
    raise AssertionError("the kept one should have been read")
