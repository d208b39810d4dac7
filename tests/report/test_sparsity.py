"""The picture of a matrix: every weight where it belongs, faint or dark by its size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from equivfast import report
from equivfast.report.sparsity import CELL_LINE, PAPER, ROW_LINE


def inked(picture: np.ndarray) -> np.ndarray:
    return ~np.isin(picture, (PAPER, CELL_LINE, ROW_LINE))


@pytest.mark.parametrize("pack", [np.asarray, sparse.csr_array, sparse.csc_array, sparse.csr_matrix])
def test_every_weight_stands_in_its_cells_and_channels(pack: type) -> None:
    (d, c), (H, W), (h, w) = (2, 3), (2, 2), (3, 4)
    side = 48  # of a cell: 47 pixels after a line
    for out, y, x, channel, v, u in ((0, 0, 0, 0, 0, 0), (1, 1, 0, 2, 2, 3), (0, 1, 1, 1, 0, 2)):
        weight = np.zeros((d, H, W, c, h, w))
        weight[out, y, x, channel, v, u] = -2.5
        picture = report.sparsity(pack(weight.reshape(d * H * W, c * h * w)), (H, W), (h, w), (d, c))
        assert picture.shape == (H * W * side, h * w * side) and picture.dtype == np.uint8
        rows, columns = (np.flatnonzero(inked(picture).any(axis)) for axis in (1, 0))
        assert {k // side for k in rows} == {y * W + x} and {k // side for k in columns} == {v * w + u}
        assert {(k % side - 1) * d // 47 for k in rows} == {out}
        assert {(k % side - 1) * c // 47 for k in columns} == {channel}
        assert picture[rows[0], columns[0]] == 0


def test_ink_grows_with_the_weight_and_the_small_remain_visible() -> None:
    weight = np.diag([1.0, -0.5, 1e-9, 0.0])
    picture = report.sparsity(weight, (2, 2), (2, 2), (1, 1))
    full, half, faint, none = (int(picture[48 * k + 20, 48 * k + 20]) for k in range(4))
    assert full < half < faint < CELL_LINE and none == PAPER


def test_a_matrix_of_the_study_fits_a_page_and_pools_by_the_largest() -> None:
    weight = sparse.lil_array((775, 3751))
    weight[30 * 25 + 7, 15 * 121 + 60] = 1.0  # one weight among three million
    picture = report.sparsity(weight.tocsr(), (5, 5), (11, 11), (31, 31))
    assert picture.shape == (25 * 9, 121 * 9)
    assert np.argwhere(picture == 0).tolist() == [[7 * 9 + 8, 60 * 9 + 1 + 15 * 8 // 31]]
    assert (picture[9 * 5] == ROW_LINE).all() and (picture[1:9, 9] == CELL_LINE).all()


def test_very_wide_matrices_have_no_lines() -> None:
    picture = report.sparsity(sparse.eye_array(900).tocsr(), (30, 30), (30, 30), (1, 1))
    assert picture.shape == (1800, 1800) and set(np.unique(picture)) == {0, PAPER}


def test_nothing_but_zeros_is_paper() -> None:
    picture = report.sparsity(np.zeros((4, 4)), (2, 2), (2, 2), (1, 1))
    assert not inked(picture).any()


@pytest.mark.parametrize(
    ("shape", "message"),
    [((4, 5), r"got \(4, 5\)"), ((16,), r"got \(16,\)"), ((2, 2, 4), r"got \(2, 2, 4\)")],
)
def test_refuses_other_shapes(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(
        ValueError, match=r"sparsity: weight must be \(1 x 4 cells, 1 x 4 cells\), " + message
    ):
        report.sparsity(np.zeros(shape), (2, 2), (2, 2), (1, 1))


def test_refuses_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="sparsity: weight must be finite, got NaN or infinity"):
        report.sparsity(np.full((4, 4), np.nan), (2, 2), (2, 2), (1, 1))
