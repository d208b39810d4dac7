"""The matrix of a map: dense or sparse, NumPy or torch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from torch import Tensor

# Up to this share of non-zeros a matrix is kept as CSR.
SPARSE = 0.25


def packed(matrix: Any) -> Any:
    """A float64 array, or CSR (sorted, without zeros) when at most a quarter of the entries is not 0."""
    if issparse(matrix):
        sparse = csr_array(matrix, dtype=np.float64, copy=True)
        sparse.sum_duplicates()
        sparse.eliminate_zeros()
        return sparse if sparse.nnz <= SPARSE * sparse.shape[0] * sparse.shape[1] else sparse.toarray()
    dense = np.array(matrix, dtype=np.float64)
    return csr_array(dense) if dense.ndim == 2 and np.count_nonzero(dense) <= SPARSE * dense.size else dense


def as_tensor(matrix: Any, like: Tensor) -> Tensor:
    """The array or CSR matrix as a tensor (torch CSR) of the dtype and on the device of `like`."""
    if not isinstance(matrix, csr_array):
        return torch.from_numpy(matrix).to(like)
    rows, columns = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data).to(like.dtype)
    with warnings.catch_warnings():
        # torch tells every process once that CSR tensors are in beta; the user of a map cannot act on it.
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
        made = torch.sparse_csr_tensor(rows, columns, values, matrix.shape, check_invariants=True)
    return made.to(like.device)
