"""Gradients of feature_transform: against finite differences, for every form and every subset of what wants one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from op_contract import Inputs, Tolerance
from transform_cases import CASES, case, dense_mix

import equivfast as ef

WANTED = ("x", "mix", "weight", "bias")

# Finite differences take two calls for every input value: small fields, but each form.
SMALL = {
    "one-source": case((2, 3, 2, 3), (2, 3), (2, 3)),
    "two-weighted-sources": case((2, 2, 3, 2), (2, 2, 2), (3, 2), weight=True, bias=True),
    "mean-of-three-sources": case((1, 2, 2, 2), (3, 2, 3), (2, 2), bias=True),
    "3x3": case((2, 2, 3, 3), (3, 4), (2, 2, 3, 3), bias=True),
    "5x5-weighted": case((1, 1, 2, 3), (3, 2, 2), (2, 1, 5, 5), weight=True),
    "sparse": case((2, 3, 2, 2), (3, 2, 2), (4, 3), weight=True, bias=True, csr=True),
    "sparse-3x3": case((1, 2, 3, 3), (3, 3), (3, 2, 3, 3), weight=True, csr=True),
}


def as_function(inputs: Inputs) -> tuple[Any, list[torch.Tensor]]:
    """feature_transform as a function of its dense float tensors; a CSR mix as a function of its values."""
    mix = inputs["mix"]
    sparse = mix.layout is torch.sparse_csr
    leaves = {k: inputs[k] for k in WANTED if inputs[k] is not None}
    if sparse:
        leaves["mix"] = mix.values().clone()

    def function(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(leaves, values, strict=True))
        if sparse:
            parts = (mix.crow_indices(), mix.col_indices(), given["mix"], mix.shape)
            given["mix"] = torch.sparse_csr_tensor(*parts, check_invariants=True)
        return ef.feature_transform(**{**inputs, **given})

    return function, [leaf.requires_grad_() for leaf in leaves.values()]


def gradients(inputs: Inputs, seed: int = 0) -> dict[str, torch.Tensor]:
    function, leaves = as_function(inputs)
    out = function(*leaves)
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(
        out.dtype
    )
    names = [k for k in WANTED if inputs[k] is not None]
    return dict(zip(names, torch.autograd.grad(out, leaves, grad), strict=True))


@pytest.mark.parametrize("form", SMALL)
def test_gradcheck(form: str) -> None:
    function, leaves = as_function(SMALL[form].build(torch.float64))
    assert torch.autograd.gradcheck(function, leaves, atol=1e-7, rtol=1e-5)


def in_plain_torch(inputs: Inputs) -> torch.Tensor:
    """The same map by indexing and conv2d, which torch differentiates by itself; mix is (d, c, m, m)."""
    x, index, mix, weight = (inputs[k] for k in ("x", "index", "mix", "weight"))
    taps = index if index.ndim == 3 else index[..., None]
    share = (
        torch.full(taps.shape, 1 / taps.shape[2], dtype=x.dtype)
        if weight is None
        else weight.reshape(taps.shape)
    )
    gathered = (x.flatten(2)[:, :, taps.clamp(min=0)] * (share * (taps >= 0))).sum(-1)
    return torch.nn.functional.conv2d(gathered, mix, inputs["bias"], padding=mix.shape[2] // 2)


@pytest.mark.parametrize("form", CASES)
def test_every_level_agrees_with_plain_torch(form: str, cpu_level: str, tolerance: Tolerance) -> None:
    inputs = CASES[form].build(torch.float64)
    ours = gradients(inputs)
    leaves = {k: inputs[k].detach().clone() for k in ours} | {"mix": dense_mix(inputs).detach().clone()}
    out = in_plain_torch({**inputs, **{k: leaf.requires_grad_() for k, leaf in leaves.items()}})
    grad = torch.randn(out.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = dict(zip(leaves, torch.autograd.grad(out, list(leaves.values()), grad), strict=True))
    if inputs["mix"].layout is torch.sparse_csr:
        row = torch.repeat_interleave(torch.arange(out.shape[1]), inputs["mix"].crow_indices().diff())
        wanted["mix"] = wanted["mix"].flatten(1)[row, inputs["mix"].col_indices()]
    # Sums over all cells and images: 50 times as long.
    limit = 50 * tolerance("feature_transform", torch.float64)
    for name, value in ours.items():
        assert (value - wanted[name].reshape(value.shape)).abs().max() <= limit, name


@pytest.mark.parametrize("form", CASES)
def test_thread_count_changes_no_bit(form: str, cpu_level: str, threads: int) -> None:
    many = gradients(CASES[form].build(torch.float32))
    torch.set_num_threads(1)
    one = gradients(CASES[form].build(torch.float32))
    assert all(torch.equal(many[k], one[k]) for k in many)


@pytest.mark.parametrize("name", WANTED)
def test_each_gradient_alone_is_the_one_of_all(name: str) -> None:
    inputs = CASES["four-weighted-sources"].build(torch.float64)
    everything = gradients(inputs)[name]
    alone: Inputs = {k: t.detach().clone() for k, t in inputs.items()}
    alone[name].requires_grad_()
    out = ef.feature_transform(**alone)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert torch.equal(alone[name].grad, everything)
    assert all(alone[k].grad is None for k in WANTED if k != name)


def test_strided_upstream_gradient() -> None:
    function, leaves = as_function(CASES["5x5-weighted"].build(torch.float64))
    out = function(*leaves)
    grad = torch.randn(
        *out.shape[::-1], dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    ).permute(3, 2, 1, 0)
    strided = torch.autograd.grad(out, leaves, grad, retain_graph=True)
    dense = torch.autograd.grad(out, leaves, grad.contiguous())
    assert all(torch.equal(a, b) for a, b in zip(strided, dense, strict=True))


def test_gradient_of_a_csr_tensor_has_its_layout() -> None:
    inputs = CASES["sparse-3x3"].build(torch.float64)
    mix = inputs["mix"].requires_grad_()
    ef.feature_transform(**inputs).square().sum().backward()
    assert mix.grad.layout is torch.sparse_csr
    assert torch.equal(mix.grad.col_indices(), mix.col_indices())


def test_empty_batch_has_zero_gradients() -> None:
    inputs = {
        **CASES["four-weighted-sources"].build(torch.float64),
        "x": torch.zeros(0, 2, 4, 4, dtype=torch.float64),
    }
    for name, value in gradients(inputs).items():
        assert value.shape == inputs[name].shape
        assert not value.any(), name


def test_second_derivatives_are_refused() -> None:
    inputs = CASES["3x3"].build(torch.float64)
    x = inputs["x"].requires_grad_()
    (grad,) = torch.autograd.grad(ef.feature_transform(**inputs).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="feature_transform: second derivatives are not available"):
        grad.sum().backward()
