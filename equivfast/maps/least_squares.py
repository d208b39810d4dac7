"""Least squares and ridge regression from centred moments."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpstrf
from threadpoolctl import ThreadpoolController
from torch import Tensor

from equivfast.maps.moments import Moments

# Eigenvalues below this share of the largest count as zero: directions in which the data spread by less than 1e-6 of
# their largest spread. Features stored in float32 carry noise of 1e-7, so nothing real is lost, and a float64 Gram
# matrix resolves 1e-15.
CUTOFF = 1e-12
# Where no pivot lies between the cutoff and this share of the largest, the rank is clear and so is the solution.
CLEAR = 1e-9


def least_squares(moments: Moments, cutoff: float = CUTOFF) -> Tensor:
    """The matrix A (q, p) of smallest Frobenius norm among those that minimise the squared error.

    Definition  A^T = xx^+ xy, the pseudo-inverse by eigenvalues, those below `cutoff` times the largest left out.
                With fewer rows than inputs, or inputs that depend on each other, this is the minimum-norm solution
                (numpy.linalg.lstsq of the centred data).

    >>> import torch
    >>> x = torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
    >>> m = Moments.zeros(2, 1, torch.device("cpu"))
    >>> m.update(x, x.sum(1, keepdim=True))
    >>> least_squares(m).round(decimals=6)          # the two columns differ by a constant: shared equally
    tensor([[1., 1.]], dtype=torch.float64)
    """
    rows = moments.rows
    if rows is not None and moments.count:
        x, y = rows
        values, vectors = torch.linalg.eigh(x @ x.T)
        kept = values > cutoff * values.max()
        basis = vectors[:, kept]
        return (((y.T @ basis) / values[kept]) @ basis.T) @ x
    if not moments.xx.diagonal().any():
        return torch.zeros_like(moments.xy.T)
    solved = _by_pivots(moments.xx.cpu().numpy(), moments.xy.cpu().numpy(), cutoff)
    if solved is not None:
        return torch.from_numpy(solved).to(moments.xx).T.contiguous()
    few = 2 * moments.count < len(moments.xx)
    values, vectors = _eigh_of_low_rank(moments.xx) if few else torch.linalg.eigh(moments.xx)
    kept = values > cutoff * values.max()
    basis = vectors[:, kept]
    return ((moments.xy.T @ basis) / values[kept]) @ basis.T


def _by_pivots(xx: NDArray[np.float64], xy: NDArray[np.float64], cutoff: float) -> NDArray[np.float64] | None:
    """The minimum-norm solution by pivoted Cholesky, None where the rank is in doubt.

    HOG channels depend on each other exactly (the texture channels and the undirected ones have one sum), so that
    Gram matrices of cells have a null space of one dimension a cell and are otherwise well conditioned. Any solution
    less its part in the null space is the smallest one; this is several times faster than the eigenvectors.
    """
    with _one_thread().limit(limits=1, user_api="blas"):
        return _pivoted_solution(xx, xy, cutoff)


@lru_cache(maxsize=1)
def _one_thread() -> ThreadpoolController:
    """SciPy's BLAS has threads of its own; beside torch's, on the same cores, both take turns at waiting."""
    return ThreadpoolController()


def _pivoted_solution(
    xx: NDArray[np.float64], xy: NDArray[np.float64], cutoff: float
) -> NDArray[np.float64] | None:
    factor, pivots, rank, _ = dpstrf(xx, tol=cutoff * float(xx.diagonal().max()), lower=1)
    pivot = factor.diagonal()[:rank]
    if pivot[-1] ** 2 < CLEAR * pivot[0] ** 2:
        return None
    order, corner = pivots - 1, np.tril(factor[:rank, :rank])
    solution = np.zeros_like(xy)
    solution[:rank] = cho_solve((corner, True), xy[order[:rank]], check_finite=False)
    if rank < len(xx):
        ends = solve_triangular(corner, factor[rank:, :rank].T, lower=True, trans="T", check_finite=False)
        null = np.vstack([-ends, np.eye(len(xx) - rank)])
        solution -= null @ np.linalg.solve(null.T @ null, null.T @ solution)
    found = np.empty_like(solution)
    found[order] = solution
    return found


def _eigh_of_low_rank(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The non-zero eigenvalues and their vectors of a semi-definite matrix of rank well below its size.

    matrix = L L^T by Cholesky with pivoting, which ends at the rank; L = Q R; then eigenvectors of the small R R^T.
    With 1,000 rows of 3,751 inputs this takes a tenth of the time of the whole matrix's eigenvectors.
    """
    rounding = 1e-14 * float(matrix.diagonal().max())
    factor, pivots, rank, _ = dpstrf(matrix.cpu().numpy(), tol=rounding, lower=1)
    left = np.zeros((len(matrix), rank))
    left[pivots - 1] = np.tril(factor)[:, :rank]
    basis, triangle = np.linalg.qr(left)
    values, vectors = torch.linalg.eigh(torch.from_numpy(triangle @ triangle.T))
    return values.to(matrix.device), (torch.from_numpy(basis) @ vectors).to(matrix.device)


def ridge(moments: Moments, strength: float) -> Tensor:
    """The matrix A (q, p) that minimises the squared error plus lambda |A|^2.

    Units       lambda = `strength` times the mean diagonal element of xx: without unit, the same strength means
                the same for features of any scale and for any number of rows
    Definition  A^T = (xx + lambda I)^-1 xy; the bias is not penalised. With fewer rows than inputs the same matrix
                comes from the dual form, A^T = x^T (x x^T + lambda I)^-1 y, a system as large as the rows.
    Raises      ValueError when the strength is so small that rounding makes the matrix indefinite.

    >>> import torch
    >>> m = Moments.zeros(1, 1, torch.device("cpu"))
    >>> m.update(torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[0.0], [2.0]]).double())
    >>> ridge(m, 1.0)
    tensor([[0.5000]], dtype=torch.float64)
    """
    rows = moments.rows
    if rows is not None and moments.count:
        x, y = rows
        return _penalised(x @ x.T, y, strength, moments.inputs).T @ x
    return _penalised(moments.xx, moments.xy, strength, moments.inputs).T


def _penalised(matrix: Tensor, right: Tensor, strength: float, inputs: int) -> Tensor:
    """(matrix + lambda I)^-1 right; the Gram matrix and the kernel have the same trace."""
    scale = matrix.diagonal().sum() / inputs
    if scale == 0:
        return torch.zeros_like(right)
    regular = matrix.clone()
    regular.diagonal().add_(strength * scale)
    factor, failed = torch.linalg.cholesky_ex(regular)
    if failed:
        raise ValueError(
            f"ridge: strength is too small for these features, got {strength}; try least_squares"
        )
    return torch.cholesky_solve(right, factor)
