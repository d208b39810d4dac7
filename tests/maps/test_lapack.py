"""LAPACK by its pointers, side by side: against NumPy."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from threadpoolctl import ThreadpoolController

from equivfast.maps import lapack
from equivfast.maps.workers import each


def gram(n: int, rank: int | None = None) -> np.ndarray:
    rows = np.random.default_rng(n).normal(size=(rank or 2 * n, n))
    return np.asarray(rows.T @ rows)


@pytest.mark.parametrize("n", [1, 2, 33, 200])
def test_cholesky_factors_and_solves(n: int) -> None:
    matrix, factor = gram(n), gram(n)
    assert lapack.cholesky(factor)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-9)
    right = np.random.default_rng(0).normal(size=(3, n))
    before = right.copy()
    np.testing.assert_allclose(lapack.solve(factor, right), np.linalg.solve(matrix, right.T).T, rtol=1e-6)
    np.testing.assert_array_equal(right, before)


def test_a_matrix_that_is_not_definite_is_told() -> None:
    assert not lapack.cholesky(np.diag([1.0, -1.0]))


def test_pivots_find_the_rank_and_a_part_of_the_factor_solves() -> None:
    matrix, factor = gram(40, rank=25), gram(40, rank=25)
    order, rank = lapack.pivoted_cholesky(factor, 1e-9)
    assert rank == 25 and sorted(order) == list(range(40))
    lower = np.tril(factor)[:, :rank]
    np.testing.assert_allclose(lower @ lower.T, matrix[np.ix_(order, order)], atol=1e-9)
    corner, right = matrix[np.ix_(order[:rank], order[:rank])], np.eye(rank)
    np.testing.assert_allclose(lapack.solve(factor, right), np.linalg.inv(corner), rtol=1e-5, atol=1e-8)


def test_an_illegal_argument_is_repeated() -> None:
    with pytest.raises(ValueError, match=r"argument 2 of dpotrf is illegal, got .*-3"):
        lapack._call("dpotrf", b"U", -3, np.eye(2), 2)


def test_items_share_the_threads_of_the_machine(threads: int) -> None:
    """As many at once as torch has threads, BLAS with what is left for each, and as before afterwards."""
    pools = ThreadpoolController().select(user_api="blas")

    def sizes() -> list[int]:
        return [pool["num_threads"] for pool in pools.info()]

    before, seen = sizes(), []
    together = threading.Barrier(threads)

    def work(_: int) -> None:
        together.wait(timeout=30)  # fails where fewer than that run at once
        seen.append((threading.get_ident(), tuple(sizes())))

    each(work, range(4 * threads))
    assert len({ident for ident, _ in seen}) == threads
    assert {size for _, of in seen for size in of} == {1}
    assert sizes() == before


def test_an_item_alone_has_all_threads_and_errors_come_through() -> None:
    seen: list[int] = []
    each(lambda _: seen.append(threading.get_ident()), [0])
    assert seen == [threading.get_ident()]
    with pytest.raises(ZeroDivisionError):
        each(lambda k: 1 // k, [1, 0])
    each(lambda k: 1 // k, [])
    assert torch.get_num_threads() >= 1
