"""feature_transform: the contract of every op, then what maps must obey."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from op_contract import Inputs, OpContract, Tolerance
from strategies import transforms
from transform_cases import CASES, dense_mix

import equivfast as ef
from equivfast.reference.feature_transform import feature_transform as oracle


class TestFeatureTransform(OpContract):
    op = "feature_transform"
    dtypes = (torch.float32, torch.float64)
    cases: ClassVar = CASES

    def call(self, inputs: Inputs, settings: dict[str, Any]) -> torch.Tensor:
        return ef.feature_transform(**inputs)

    def oracle(self, inputs: Inputs, settings: dict[str, Any]) -> np.ndarray:
        given = {**inputs, "mix": dense_mix(inputs)}
        arrays: Inputs = {k: None if t is None else t.numpy() for k, t in given.items()}
        return oracle(**arrays)

    def arguments(self, inputs: Inputs, settings: dict[str, Any]) -> tuple[Any, ...]:
        x, mix, index, weight = (inputs[k] for k in ("x", "mix", "index", "weight"))
        if index.ndim == 2:
            index, weight = index[..., None], None if weight is None else weight[..., None]
        m = dense_mix(inputs).shape[2]
        if mix.layout is torch.sparse_csr:
            parts = (part.clone() for part in (mix.values(), mix.crow_indices(), mix.col_indices()))
            return x, index, *parts, m, weight, inputs["bias"]
        return x, index, dense_mix(inputs), None, None, m, weight, inputs["bias"]

    def numpy_inputs(self, inputs: Inputs) -> Inputs:
        arrays = {k: t.numpy() for k, t in inputs.items() if t is not None and t.layout is torch.strided}
        if inputs["mix"].layout is torch.sparse_csr:
            mix = inputs["mix"]
            parts = (mix.values().numpy(), mix.col_indices().numpy(), mix.crow_indices().numpy())
            arrays["mix"] = scipy.sparse.csr_array(parts, shape=tuple(mix.shape))
        return arrays

    def call_numpy(self, arrays: Inputs, settings: dict[str, Any]) -> np.ndarray:
        return ef.feature_transform(**arrays)


@given(transforms())
def test_any_map(tolerance: Tolerance, given_map: dict[str, Any]) -> None:
    out, mask = ef.feature_transform(**given_map, return_mask=True)
    wanted = oracle(**given_map)
    assert np.abs(out - wanted).max(initial=0) <= tolerance("feature_transform", torch.float64)
    index, weight = given_map["index"], given_map["weight"]
    used = index >= 0 if weight is None else (index >= 0) | (weight == 0)
    np.testing.assert_array_equal(mask, used if index.ndim == 2 else used.all(-1))


def test_mask_forgives_outside_sources_of_weight_zero() -> None:
    index, weight = torch.tensor([[[0, -1], [0, -1]]]), torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    _, mask = ef.feature_transform(torch.ones(1, 1, 1, 2), index, torch.eye(1), weight, return_mask=True)
    assert mask.tolist() == [[True, False]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_permutation_is_exact_and_its_inverse_undoes_it(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 31, 5, 7, generator=g, dtype=dtype)
    cells, channels = torch.randperm(35, generator=g), torch.randperm(31, generator=g)
    mix = torch.eye(31, dtype=dtype)
    moved = ef.feature_transform(x, cells.reshape(5, 7), mix[channels])
    assert torch.equal(moved, x.flatten(2)[:, channels][:, :, cells].reshape(x.shape))
    assert torch.equal(ef.feature_transform(moved, cells.argsort().reshape(5, 7), mix[channels.argsort()]), x)


def test_two_mixes_of_one_cell_are_their_product(tolerance: Tolerance) -> None:
    inputs = CASES["permute-and-mix"].build(torch.float64)
    second = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    identity = torch.arange(20).reshape(4, 5)
    twice = ef.feature_transform(ef.feature_transform(**inputs), identity, second)
    once = ef.feature_transform(**{**inputs, "mix": second @ inputs["mix"]})
    assert (twice - once).abs().max() <= 10 * tolerance("feature_transform", torch.float64)


@pytest.mark.parametrize(
    "shape", [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 0)], ids=["batch", "channels", "field"]
)
def test_empty_inputs(shape: tuple[int, int, int, int]) -> None:
    x = torch.ones(shape)
    index = torch.full((2, 2), 0 if shape[2] else -1)
    out = ef.feature_transform(x, index, torch.ones(6, shape[1], 3, 3), bias=torch.ones(6))
    assert tuple(out.shape) == (shape[0], 6, 2, 2)
    assert (out == (1 if 0 in shape[1:] else out)).all()


@pytest.mark.parametrize("cells", [(0, 3), (3, 0)])
def test_empty_outputs(cells: tuple[int, int]) -> None:
    x = torch.ones(2, 3, 4, 5)
    assert tuple(ef.feature_transform(x, torch.zeros(cells, dtype=torch.int64), torch.ones(6, 3)).shape) == (
        2,
        6,
        *cells,
    )
    no_rows = ef.feature_transform(x, torch.zeros((2, 2), dtype=torch.int64), torch.ones(0, 3))
    assert tuple(no_rows.shape) == (2, 0, 2, 2)
