"""Least squares and ridge regression from centred moments, of one regression or of many side by side."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.maps import lapack
from equivfast.maps.moments import Moments
from equivfast.maps.workers import each

Array = NDArray[np.float64]

# Eigenvalues below this share of the largest count as zero: directions in which the data spread by less than 1e-6 of
# their largest spread. Features stored in float32 carry noise of 1e-7, so nothing real is lost, and a float64 Gram
# matrix resolves 1e-15.
CUTOFF = 1e-12
# Where no pivot lies between the cutoff and this share of the largest, the rank is clear and so is the solution.
_CLEAR = 1e-9


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
        return _by_eigenvectors(x @ x.mT, y, cutoff).mT @ x
    if not moments.inputs or not moments.count:
        return torch.zeros_like(moments.xy.mT)
    xx, xy = (part.reshape(-1, *part.shape[-2:]) for part in (moments.xx, moments.xy))
    found = torch.empty_like(xy.mT, memory_format=torch.contiguous_format)

    def solve(k: int) -> None:
        solved = _by_pivots(xx[k].cpu().numpy(), xy[k].mT.cpu().numpy(), cutoff)
        found[k] = _by_eigenvectors(xx[k], xy[k], cutoff).mT if solved is None else torch.from_numpy(solved)

    each(solve, range(len(xx)))
    return found.reshape(moments.xy.mT.shape)


def _by_eigenvectors(matrix: Tensor, right: Tensor, cutoff: float) -> Tensor:
    """matrix^+ right, for semi-definite matrices."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > cutoff * values[..., -1:].clamp(min=0)
    inverse = torch.where(kept, 1 / torch.where(kept, values, 1), 0)
    return vectors @ (inverse[..., None] * (vectors.mT @ right))


def _by_pivots(xx: Array, yx: Array, cutoff: float) -> Array | None:
    """The minimum-norm solution (q, p) by pivoted Cholesky, None where the rank is in doubt.

    HOG channels depend on each other exactly (the texture channels and the undirected ones have one sum), so that
    Gram matrices of cells have a null space of one dimension a cell and are otherwise well conditioned. Any solution
    less its part in the null space is the smallest one; this is several times faster than the eigenvectors.
    """
    largest = float(xx.diagonal().max())
    if largest <= 0:
        return np.zeros_like(yx)
    factor = xx.copy()
    order, rank = lapack.pivoted_cholesky(factor, cutoff * largest)
    pivot = factor.diagonal()[:rank]
    if pivot[-1] ** 2 < _CLEAR * pivot[0] ** 2:
        return None
    solution = np.zeros_like(yx)
    solution[:, :rank] = lapack.solve(factor, yx[:, order[:rank]])
    if rank < len(xx):
        ends = factor[rank:, :rank].copy()
        lapack.substitute(factor, ends, transposed=True)
        null = np.hstack([-ends, np.eye(len(xx) - rank)])
        solution -= np.linalg.solve(null @ null.T, null @ solution.T).T @ null
    found = np.empty_like(solution)
    found[:, order] = solution
    return found


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
        return _penalised(x @ x.mT, y, strength, moments.inputs).mT @ x
    return _penalised(moments.xx, moments.xy, strength, moments.inputs).mT


def _penalised(matrix: Tensor, right: Tensor, strength: float, inputs: int) -> Tensor:
    """(matrix + lambda I)^-1 right; the Gram matrix and the kernel have the same trace."""
    if not inputs:
        return right
    scale = matrix.diagonal(dim1=-2, dim2=-1).sum(-1) / inputs
    # Inputs that do not vary: any lambda gives 0, as what stands on the right is then 0 or is multiplied by 0.
    penalty = torch.where(scale > 0, strength * scale, 1)
    found = (_definite if matrix.device.type == "cpu" else _definite_on_device)(matrix, penalty, right)
    if found is None:
        raise ValueError(
            f"ridge: strength is too small for these features, got {strength}; try least_squares"
        )
    return found


def _definite(matrix: Tensor, penalty: Tensor, right: Tensor) -> Tensor | None:
    """(matrix + penalty I)^-1 right of matrices side by side, None where one is not definite."""
    n, q = right.shape[-2:]
    found = right.new_empty(*right.shape[:-2], q, n)
    tables, rights, solved = (part[None].flatten(0, -3).numpy() for part in (matrix, right.mT, found))
    penalties, definite = penalty.reshape(-1).tolist(), np.zeros(len(tables), dtype=bool)

    def solve(k: int) -> None:
        factor = tables[k].copy()
        factor.reshape(-1)[:: n + 1] += penalties[k]
        definite[k] = lapack.cholesky(factor)
        if definite[k]:
            solved[k] = lapack.solve(factor, rights[k])

    each(solve, range(len(tables)))
    return found.mT if definite.all() else None


def _definite_on_device(matrix: Tensor, penalty: Tensor, right: Tensor) -> Tensor | None:
    regular = matrix.clone()
    regular.diagonal(dim1=-2, dim2=-1).add_(penalty[..., None])
    factor, failed = torch.linalg.cholesky_ex(regular)
    return None if failed.any() else torch.cholesky_solve(right, factor)
