"""The forms of feature_transform: one source or several, weights or none, m = 1, 3, 5, dense or CSR, bias."""

from __future__ import annotations

import torch
from op_contract import Case, Inputs


def case(
    field: tuple[int, int, int, int],
    cells: tuple[int, ...],
    mix: tuple[int, ...],
    weight: bool = False,
    bias: bool = False,
    csr: bool = False,
) -> Case:
    """Standard normal values; index from -1 on; `csr`: two of three values of the mix are left out."""

    def build(dtype: torch.dtype) -> Inputs:
        g = torch.Generator().manual_seed(sum(field) + sum(cells))
        dense = torch.randn(mix, generator=g, dtype=torch.float64)
        if csr:
            dense = (dense * (torch.rand(mix, generator=g) < 1 / 3)).flatten(1).to_sparse_csr()
        return {
            "x": torch.randn(field, generator=g, dtype=torch.float64).to(dtype),
            "index": torch.randint(-1, field[2] * field[3], cells, generator=g),
            "mix": dense.to(dtype),
            "weight": torch.randn(cells, generator=g, dtype=torch.float64).to(dtype) if weight else None,
            "bias": torch.randn(mix[0], generator=g, dtype=torch.float64).to(dtype) if bias else None,
        }

    return Case(build)


CASES = {
    "permute-and-mix": case((2, 3, 4, 5), (4, 5), (4, 3)),
    "four-weighted-sources": case((3, 2, 4, 4), (5, 70, 4), (3, 2), weight=True, bias=True),
    "mean-of-two-sources": case((1, 4, 3, 6), (6, 3, 2), (2, 4)),
    "3x3": case((2, 3, 6, 5), (7, 66), (4, 3, 3, 3), bias=True),
    "5x5-weighted": case((1, 2, 5, 7), (3, 2, 3), (3, 2, 5, 5), weight=True),
    "sparse": case((2, 5, 4, 4), (4, 4, 1), (6, 5), weight=True, csr=True),
    "sparse-3x3": case((2, 3, 4, 5), (5, 6, 2), (5, 3, 3, 3), bias=True, csr=True),
}


def dense_mix(inputs: Inputs) -> torch.Tensor:
    """The mix as (d, c, m, m)."""
    mix, c = inputs["mix"].to_dense(), inputs["x"].shape[1]
    m = round((mix[0].numel() / c) ** 0.5)
    return mix.reshape(len(mix), c, m, m)
