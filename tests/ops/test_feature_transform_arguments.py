"""feature_transform refuses what it cannot compute, in one line that says what came."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

import equivfast as ef

GIVEN: dict[str, Any] = {
    "x": torch.ones(2, 3, 4, 5),
    "index": torch.zeros(6, 7, 2, dtype=torch.int64),
    "mix": torch.ones(8, 3),
    "weight": torch.ones(6, 7, 2),
    "bias": torch.ones(8),
}
X, INDEX, MIX = GIVEN["x"], GIVEN["index"], GIVEN["mix"]


def csr(values: np.ndarray, columns: list[int], rows: list[int]) -> scipy.sparse.csr_array:
    """A CSR matrix (2, 3) whose parts are put in after SciPy's own checks."""
    matrix = scipy.sparse.csr_array(np.ones((2, 3), np.float32))
    matrix.data, matrix.indices, matrix.indptr = values, np.array(columns, np.int32), np.array(rows, np.int32)
    return matrix


ONES = np.ones(3, np.float32)
SPARSE = {"bias": None}

# What is spoiled -> the arguments, and the whole message or a pattern of it.
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "x rank": ({"x": X[0]}, "feature_transform: x must be (n, c, h, w), got (3, 4, 5)"),
    "x list": ({"x": [1.0]}, "feature_transform: x must be a torch tensor or a NumPy array, got list"),
    "x dtype": ({"x": X.to(torch.uint8)}, "feature_transform: x must be float32 or float64, got uint8"),
    "x sparse": (
        {"x": X.to_sparse()},
        "feature_transform: x must be a dense tensor, got layout torch.sparse_coo",
    ),
    "index rank": ({"index": INDEX[0, 0]}, "feature_transform: index must be (H, W) or (H, W, k), got (2,)"),
    "index dtype": ({"index": INDEX.int()}, "feature_transform: index must be int64, got int32"),
    "index list": (
        {"index": [[0]]},
        "feature_transform: index must be a torch tensor or a NumPy array, got list",
    ),
    "no source": (
        {"index": INDEX[..., :0], "weight": None},
        "feature_transform: index must have at least one source per cell, got (6, 7, 0)",
    ),
    "index below -1": (
        {"index": INDEX - 2},
        "feature_transform: index must be -1 or a source cell 0..19, got -2",
    ),
    "index too large": (
        {"index": INDEX + 20},
        "feature_transform: index must be -1 or a source cell 0..19, got 20",
    ),
    "index into nothing": (
        {"x": X[:, :, :0]},
        "feature_transform: index must be -1 or a source cell 0..-1, got 0",
    ),
    "weight shape": (
        {"weight": torch.ones(6, 7)},
        "feature_transform: weight must have index's shape (6, 7, 2), got (6, 7)",
    ),
    "weight dtype": (
        {"weight": torch.ones(6, 7, 2, dtype=torch.float64)},
        "feature_transform: weight must have x's dtype torch.float32, got torch.float64",
    ),
    "mix rank": (
        {"mix": MIX[0]},
        "feature_transform: mix must be (d, c), (d, c, m, m) or sparse CSR, got (3,)",
    ),
    "mix channels": (
        {"mix": torch.ones(8, 4)},
        "feature_transform: mix must be (d, 3) or (d, 3, m, m) for x of 3 channels, got (8, 4, 1, 1)",
    ),
    "mix not square": (
        {"mix": torch.ones(8, 3, 3, 5)},
        "feature_transform: mix must be (d, 3) or (d, 3, m, m) for x of 3 channels, got (8, 3, 3, 5)",
    ),
    "even m": (
        {"mix": torch.ones(8, 3, 2, 2)},
        "feature_transform: mix must cover an odd number of cells each way, got 2",
    ),
    "mix dtype": (
        {"mix": MIX.double()},
        "feature_transform: mix must have x's dtype torch.float32, got torch.float64",
    ),
    "mix layout": (
        {"mix": MIX.to_sparse()},
        "feature_transform: mix must be a dense tensor, got layout torch.sparse_coo",
    ),
    "bias shape": ({"bias": torch.ones(7)}, "feature_transform: bias must be (8,), got (7,)"),
    "bias rank": ({"bias": torch.ones(8, 1)}, "feature_transform: bias must be (8,), got (8, 1)"),
    "bias dtype": (
        {"bias": torch.ones(8).double()},
        "feature_transform: bias must have x's dtype torch.float32, got torch.float64",
    ),
    "sparse width": (
        {"mix": torch.ones(8, 4).to_sparse_csr()},
        "feature_transform: a sparse mix must be (d, 3 * m * m) with odd m for 3 channels, got (8, 4)",
    ),
    "sparse even m": (
        {"mix": torch.ones(8, 12).to_sparse_csr()},
        "feature_transform: a sparse mix must be (d, 3 * m * m) with odd m for 3 channels, got (8, 12)",
    ),
    "column too large": (
        {**SPARSE, "mix": csr(ONES, [0, 1, 3], [0, 2, 3])},
        "feature_transform: mix columns must be 0..2, got 3",
    ),
    "column negative": (
        {**SPARSE, "mix": csr(ONES, [0, 1, -1], [0, 2, 3])},
        "feature_transform: mix columns must be 0..2, got -1",
    ),
    "rows that decrease": (
        {**SPARSE, "mix": csr(ONES, [0, 1, 2], [0, 4, 3])},
        "feature_transform: mix has decreasing CSR row pointers",
    ),
    "rows that end early": (
        {**SPARSE, "mix": csr(ONES, [0, 1, 2], [0, 1, 2])},
        "feature_transform: mix has inconsistent CSR row pointers",
    ),
    "rows that begin late": (
        {**SPARSE, "mix": csr(ONES, [0, 1, 2], [1, 2, 3])},
        "feature_transform: mix has inconsistent CSR row pointers",
    ),
    "fewer columns than values": (
        {**SPARSE, "mix": csr(ONES, [0, 1], [0, 2, 3])},
        "feature_transform: mix (2, 3) has inconsistent CSR parts: 3 values, 2 columns, 3 row pointers",
    ),
    "fewer rows than the shape": (
        {**SPARSE, "mix": csr(ONES, [0, 1, 2], [0, 3])},
        "feature_transform: mix (2, 3) has inconsistent CSR parts: 3 values, 3 columns, 2 row pointers",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_spoiled_argument(what: str) -> None:
    spoiled, message = SPOILED[what]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ef.feature_transform(**{**GIVEN, **spoiled})


@pytest.mark.parametrize("kind", ["csc_array", "bsr_array", "coo_array", "dia_array", "lil_array"])
def test_scipy_matrices_that_are_not_csr_are_refused(kind: str) -> None:
    """A CSC matrix has the same three arrays as a CSR one, but means its transpose by them."""
    square = getattr(scipy.sparse, kind)(np.arange(9.0).reshape(3, 3))
    x, index = np.ones((1, 3, 2, 2)), np.arange(4).reshape(2, 2)
    with pytest.raises(ValueError, match=f"^feature_transform: mix must be .*, got {kind}$"):
        ef.feature_transform(x, index, square)


@pytest.mark.parametrize(
    "what", ["x dtype", "index dtype", "weight shape", "mix channels", "even m", "bias shape"]
)
def test_the_same_words_while_tracing(what: str) -> None:
    spoiled, message = SPOILED[what]
    meta = {name: tensor.to("meta") for name, tensor in {**GIVEN, **spoiled}.items()}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ef.feature_transform(**meta)


def test_nan_is_not_read_where_the_source_is_outside() -> None:
    x = torch.tensor([[[[torch.nan, 2.0]]]])
    index = torch.tensor([[0, 1, -1]])
    out = ef.feature_transform(x, index, torch.ones(1, 1))
    assert out.isnan().flatten().tolist() == [True, False, False]
    assert out.flatten()[1:].tolist() == [2.0, 0.0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_bad_cell_spoils_the_neighbourhood_that_reads_it_only(bad: float, cpu_level: str) -> None:
    x = torch.ones(1, 1, 9, 80)
    x[0, 0, 4, 40] = bad
    index = torch.arange(9 * 80).reshape(9, 80)
    out = ef.feature_transform(x, index, torch.ones(1, 1, 3, 3))[0, 0]
    near = torch.zeros(9, 80, dtype=torch.bool)
    near[3:6, 39:42] = True
    assert torch.equal(~out.isfinite(), near)
