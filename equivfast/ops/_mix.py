"""The channel mix of feature_transform in the forms that people hold it in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from equivfast.ops import _check
from equivfast.ops._register import as_tensor

_OP = "feature_transform"
_FORMS = "(d, c), (d, c, m, m) or sparse CSR"


class Mix(NamedTuple):
    """Dense: values (d, c) or (d, c, m, m). CSR: values (nnz,), rows (d + 1), columns (nnz) in (c, m, m) order."""

    values: torch.Tensor
    rows: torch.Tensor | None
    columns: torch.Tensor | None
    m: int


def unpack_mix(mix: Any, c: int) -> Mix:
    """A dense array or tensor, a torch CSR tensor or a SciPy CSR matrix for fields of c channels."""
    if hasattr(mix, "indptr"):
        if mix.format != "csr":  # a CSC matrix has the same three arrays and means its transpose by them
            raise ValueError(f"{_OP}: mix must be {_FORMS}, got {type(mix).__name__}")
        rows, columns = (torch.from_numpy(np.array(part, np.int64)) for part in (mix.indptr, mix.indices))
        return _sparse(as_tensor(_OP, "mix", mix.data), rows, columns, mix.shape, c)
    tensor = as_tensor(_OP, "mix", mix)
    if tensor.layout is torch.sparse_csr:
        rows, columns = tensor.crow_indices().long(), tensor.col_indices().long()
        return _sparse(tensor.values(), rows, columns, tuple(tensor.shape), c)
    _check.dense(_OP, "mix", tensor)
    _check.rank(_OP, "mix", tensor, (2, 4), _FORMS)
    return Mix(tensor, None, None, 1 if tensor.ndim == 2 else tensor.shape[2])


def _sparse(
    values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, shape: tuple[int, ...], c: int
) -> Mix:
    m = round((shape[1] / c) ** 0.5) if c else 0
    if m * m * c != shape[1] or m % 2 == 0:
        raise ValueError(
            f"{_OP}: a sparse mix must be (d, {c} * m * m) with odd m for {c} channels, got {tuple(shape)}"
        )
    if values.ndim != 1 or columns.shape != values.shape or tuple(rows.shape) != (shape[0] + 1,):
        parts = f"{values.numel()} values, {columns.numel()} columns, {rows.numel()} row pointers"
        raise ValueError(f"{_OP}: mix {tuple(shape)} has inconsistent CSR parts: {parts}")
    return Mix(values, rows, columns, m)
