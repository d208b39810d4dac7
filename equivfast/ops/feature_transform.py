"""feature_transform: move the cells of a feature field, then mix its channels."""

from __future__ import annotations

from typing import Any

import torch

from equivfast import _core
from equivfast.ops import _check
from equivfast.ops._mix import unpack_mix
from equivfast.ops._register import DTYPE_CODES, LIBRARY, as_tensor, define, eager, pointer, threads, unseen
from equivfast.ops._transform_args import TransformArgs, infer

_NAME = "feature_transform"

# index and weight are (H, W) or (H, W, k). mix is dense, (d, c) or (d, c, m, m), or the values of a CSR matrix with
# `rows` (d + 1) and `columns` (nnz).
_ARGS = (
    "Tensor x, Tensor index, Tensor mix, Tensor? rows, Tensor? columns, int m, Tensor? weight, Tensor? bias"
)
_SCHEMA = f"feature_transform({_ARGS}) -> Tensor"
_NEEDS = "bool need_x, bool need_mix, bool need_weight, bool need_bias=False"
_GRADS = "(Tensor, Tensor, Tensor, Tensor)"
_BACKWARD_SCHEMA = f"feature_transform_backward(Tensor grad, {_ARGS}, {_NEEDS}) -> {_GRADS}"


def _pointers(a: TransformArgs) -> tuple[int, int, Any, Any, Any, Any]:
    """What the kernels take first."""
    return (
        a.x.data_ptr(), DTYPE_CODES[a.x.dtype], a.x.shape, a.x.stride(),
        (a.sources.data_ptr(), pointer(a.weight), a.taps),
        (a.mix.data_ptr(), pointer(a.columns), pointer(a.rows), a.mix.numel(), a.m, pointer(a.bias)),
    )  # fmt: skip


def _contiguous(a: TransformArgs) -> TransformArgs:
    """The small arrays as the kernel wants them; x, out and their gradients keep their strides."""
    small = (a.sources, a.mix, a.rows, a.columns, a.weight, a.bias)
    if all(t is None or t.is_contiguous() for t in small):
        return a
    sources, mix, rows, columns, weight, bias = (None if t is None else t.contiguous() for t in small)
    assert sources is not None and mix is not None
    return TransformArgs(a.x, sources, mix, rows, columns, a.m, weight, bias)


def _run(*args: Any) -> torch.Tensor:
    out = infer(*args)
    a = _contiguous(TransformArgs(*args))
    _core.feature_transform(*_pointers(a), out.data_ptr(), out.shape, out.stride(), threads())
    return out


def _infer_backward(grad: torch.Tensor, *args: Any) -> tuple[torch.Tensor, ...]:
    a, (need_x, need_mix, need_weight, need_bias) = TransformArgs(*args[:8]), (*args[8:], False)[:4]
    x = torch.empty_like(a.x) if need_x else a.x.new_empty(0)
    mix = torch.empty_like(a.mix, memory_format=torch.contiguous_format) if need_mix else a.x.new_empty(0)
    weight = a.x.new_empty(a.sources.shape) if need_weight else a.x.new_empty(0)
    return x, mix, weight, a.x.new_empty(a.d if need_bias else 0)


def _run_backward(grad: torch.Tensor, *args: Any) -> tuple[torch.Tensor, ...]:
    grads = grad_x, *small = _infer_backward(grad, *args)
    a = _contiguous(TransformArgs(*args[:8]))
    need_x, *needs = (*args[8:], False)[:4]
    _core.feature_transform_backward(
        *_pointers(a), grad.data_ptr(), grad.shape, grad.stride(),
        grad_x.data_ptr() if need_x else 0, grad_x.stride() if need_x else (0, 0, 0, 0),
        tuple(t.data_ptr() if need else 0 for t, need in zip(small, needs, strict=True)),
        threads(),
    )  # fmt: skip
    return grads


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    a = TransformArgs(*inputs)
    ctx.m = a.m
    ctx.save_for_backward(a.x, a.sources, a.mix, a.rows, a.columns, a.weight, a.bias)


def _backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    x, index, mix, rows, columns, weight, bias = ctx.saved_tensors
    need_x, need_mix, need_weight, need_bias = (ctx.needs_input_grad[i] for i in (0, 2, 6, 7))
    # With gradients on, somebody may want to differentiate again, and has to be told no.
    run = _run_backward if unseen(grad) and not torch.is_grad_enabled() else _feature_transform_backward
    grad_x, grad_mix, grad_weight, grad_bias = run(
        grad, x, index, mix, rows, columns, ctx.m, weight, bias, need_x, need_mix, need_weight, need_bias
    )
    return (
        grad_x if need_x else None, None, grad_mix if need_mix else None, None, None, None,
        grad_weight if need_weight else None, grad_bias if need_bias else None,
    )  # fmt: skip


def _refuse(ctx: Any, *grads: Any) -> None:
    raise RuntimeError(f"{_NAME}: second derivatives are not available in this version")


_feature_transform = define(_SCHEMA, infer, _run)
_feature_transform_backward = define(_BACKWARD_SCHEMA, _infer_backward, _run_backward)
torch.library.register_autograd(f"equivfast::{_NAME}", _backward, setup_context=_setup_context, lib=LIBRARY)
torch.library.register_autograd(f"equivfast::{_NAME}_backward", _refuse, lib=LIBRARY)


class _Differentiable(torch.autograd.Function):
    """The same op without the registered one's way through torch, which takes 50 us longer with gradients."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> torch.Tensor:
        _setup_context(ctx, args, args[0])
        return _run(*args)

    backward = staticmethod(_backward)


def _way(*tensors: torch.Tensor | None) -> Any:
    """How to run the op on these: as short a way as torch allows."""
    given = [t for t in tensors if t is not None]
    if not eager() or any(type(t) not in (torch.Tensor, torch.nn.Parameter) for t in given):
        return _feature_transform
    wanted = torch.is_grad_enabled() and any(t.requires_grad for t in given)
    return _Differentiable.apply if wanted else _run


def feature_transform(
    x: Any, index: Any, mix: Any, weight: Any = None, bias: Any = None, return_mask: bool = False
) -> Any:
    """Moves the cells of a feature field, then mixes its channels.

    Shapes      x (n, c, h, w), any strides; index int64 (H, W) or (H, W, k), source = row * w + column, -1 = outside;
                weight like index (default 1 / k); mix (d, c), (d, c, m, m) with odd m, or sparse CSR
                (d, c * m * m) with columns in (c, m, m) order (torch CSR or SciPy CSR); bias (d,)
                -> (n, d, H, W). float32 or float64, all alike. ``return_mask``: also bool (H, W)
    Layout      of the result as of x: channels_last for channels_last, padded cells for those of
                ``hog(layout="cells")``, else contiguous. The first two are read where they lie, and so are faster
    Definition  gathered[c, p] = sum_t weight[p, t] x[c, index[p, t]];
                out[d, p] = bias[d] + sum_{c, dy, dx} mix[d, c, dy, dx] gathered[c, p + (dy, dx) - m // 2]
    Outside     contributes 0, nothing is renormalised; mask is True where every source of the cell with a
                weight other than 0 is inside (the m x m neighbourhood does not count)
    Symmetry    linear in x; with a permutation as index and as mix it is that permutation, to the bit
    Gradient    with respect to x, mix (dense, or the values of a torch CSR tensor), weight and bias
    Cost        k reads and m * m * c * d (or the non-zeros of mix) multiply-adds per cell
    Source      Lenc & Vedaldi 2015, section 2.2
    Raises      ValueError for wrong ranks, sizes, dtypes, devices, and sources or columns out of range

    >>> import numpy as np
    >>> import equivfast as ef
    >>> x = np.arange(4.0).reshape(1, 1, 2, 2)
    >>> flip = np.array([[1, 0], [3, 2]])
    >>> ef.feature_transform(x, flip, np.array([[10.0]]))[0, 0]
    array([[10.,  0.],
           [30., 20.]])
    """
    field = as_tensor(_NAME, "x", x)
    _check.rank(_NAME, "x", field, (4,), "(n, c, h, w)")
    _check.on_cpu(_NAME, "x", field)
    sources = as_tensor(_NAME, "index", index)
    _check.rank(_NAME, "index", sources, (2, 3), "(H, W) or (H, W, k)")
    weights = None if weight is None else as_tensor(_NAME, "weight", weight)
    biases = None if bias is None else as_tensor(_NAME, "bias", bias)
    for name, tensor in (("x", field), ("index", sources), ("weight", weights), ("bias", biases)):
        if tensor is not None:
            _check.dense(_NAME, name, tensor)
    values, rows, columns, m = unpack_mix(mix, field.shape[1])
    out = _way(field, values, weights, biases)(field, sources, values, rows, columns, m, weights, biases)
    result = out if isinstance(x, torch.Tensor) else out.detach().numpy()
    if not return_mask:
        return result
    used = sources >= 0 if weights is None else (sources >= 0) | (weights == 0)
    mask = used if used.ndim == 2 else used.all(-1)
    return result, (mask if isinstance(x, torch.Tensor) else mask.numpy())
