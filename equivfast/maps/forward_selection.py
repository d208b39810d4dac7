"""Forward selection: a few non-zeros per row, chosen greedily (orthogonal least squares)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equivfast.maps.moments import Moments

# A candidate is passed over when the inputs chosen before explain all but this share of its variance.
COLLINEAR = 1e-8
# An output is finished when all but this share of its variance is explained: float32 features hold no more.
EXPLAINED = 1e-12
# An input whose standard deviation is below this share of the largest one counts as constant.
CONSTANT = 1e-7
# Memory for the tables of one block of outputs, in bytes: what a core's caches hold, so that passes over it are cheap.
_BLOCK_BYTES = 1 << 23


def forward_selection(moments: Moments, nonzeros: int) -> Tensor:
    """A matrix A (..., q, p) with at most `nonzeros` entries in each row.

    Definition  inputs are centred and normalised; each step adds, for each output by itself, the input with which
                the least-squares residual becomes smallest, all coefficients fitted anew (orthogonal least squares).
                Of equal inputs the first wins. Passed over: constant inputs, and inputs of which those already
                chosen explain all but 1e-8 of the variance. A row ends early when all but 1e-12 of its output's
                variance is explained, or no input is left.
    Cost        (nonzeros + 4) p numbers of memory per output, outputs in blocks of 8 MB;
                about nonzeros^2 p / 2 multiply-adds per output
    Source      Chen, Billings & Luo 1989 (the selection); Lenc & Vedaldi 2015, equation 3 (its use for maps)

    >>> import torch
    >>> x = torch.tensor([[1.0, 0, 2], [0, 1, 1], [2, 2, 0], [1, 3, 1]]).double()
    >>> m = Moments.zeros(3, 1, torch.device("cpu"))
    >>> m.update(x, 5 * x[:, 1:2])
    >>> forward_selection(m, 2)
    tensor([[0., 5., 0.]], dtype=torch.float64)
    """
    return selection_path(moments, [nonzeros])[0]


def selection_path(moments: Moments, nonzeros: Sequence[int]) -> list[Tensor]:
    """The matrices of `forward_selection` for several numbers of entries: one selection passes them all."""
    p, q = moments.xy.shape[-2:]
    inputs = _Inputs.of(moments)
    weights = [moments.xy.new_zeros(inputs.owner.shape[0], p) for _ in nonzeros]
    rows = max(1, _BLOCK_BYTES // (8 * max(1, p) * (max(nonzeros) + 4)))
    for block in torch.arange(len(inputs.owner), device=moments.device).split(rows):
        for weight, found in zip(weights, _select(inputs, block, [min(k, p) for k in nonzeros]), strict=True):
            weight[block] = found
    return [weight.reshape(*moments.xy.shape[:-2], q, p) for weight in weights]


@dataclass(frozen=True)
class _Inputs:
    """Gram matrices (b, p, p), scales that normalise them (b, p), and, output by output (b q): the regression
    it belongs to, its covariances with the normalised inputs (b q, p) and its variance."""

    xx: Tensor
    scale: Tensor
    owner: Tensor
    along: Tensor
    variance: Tensor

    @classmethod
    def of(cls, moments: Moments) -> _Inputs:
        p, q = moments.xy.shape[-2:]
        xx = moments.xx.reshape(-1, p, p)
        deviation = xx.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
        noise = (
            1e-12 * moments.mean_x.reshape(-1, p).abs() * moments.count**0.5
        )  # a constant's rounding in float64
        usable = (deviation > CONSTANT * deviation.amax(-1, keepdim=True)) & (deviation > noise)
        scale = torch.where(usable, 1 / deviation, 0)
        along = (moments.xy.reshape(-1, p, q) * scale[..., None]).mT.reshape(-1, p)
        owner = torch.arange(len(xx), device=xx.device).repeat_interleave(q)
        return cls(xx, scale, owner, along, moments.yy.reshape(-1))


def _select(inputs: _Inputs, outputs: Tensor, nonzeros: Sequence[int]) -> list[Tensor]:
    """Rows `outputs` of the matrices, one for each number of entries.

    For each output the Gram matrix of the inputs is factored column by column, pivot by pivot (Cholesky), the pivots
    being the chosen inputs: `left` is what remains of each input's variance, `along` its remaining covariance with
    the output, so that along^2 / left is what the input would take off the residual.
    """
    steps, owner = max(nonzeros), inputs.owner[outputs]
    along, variance, scale = inputs.along[outputs], inputs.variance[outputs], inputs.scale[owner]
    left = (scale > 0).to(along.dtype)
    residual, count = variance.clone(), len(outputs)

    every = torch.arange(count, device=along.device)
    factor = along.new_zeros(steps, *along.shape)
    triangle = torch.eye(steps, dtype=along.dtype, device=along.device).repeat(count, 1, 1)
    picks = torch.zeros(count, steps, dtype=torch.int64, device=along.device)
    solved = along.new_zeros(count, steps)
    for t in range(steps):
        gain = torch.where(left > COLLINEAR, along.square() / left, -1)
        best, pick = gain.max(1)  # the first of equals
        going = (best >= 0) & (residual > EXPLAINED * variance)
        if not going.any():
            break
        pivot = left[every, pick].sqrt()
        known = factor[:t, every, pick]  # (t, outputs)
        column = inputs.xx[owner, pick].mul_(scale).mul_(scale[every, pick, None])
        for earlier, share in zip(factor[:t], known, strict=True):
            column.addcmul_(earlier, share[:, None], value=-1)
        factor[t] = torch.where(going[:, None], column.div_(pivot[:, None]), 0)
        triangle[:, t, :t] = torch.where(going, known, 0).T
        triangle[:, t, t] = torch.where(going, pivot, 1)
        picks[:, t] = pick
        solved[:, t] = torch.where(going, along[every, pick] / pivot, 0)
        along.addcmul_(solved[:, t, None], factor[t], value=-1)
        left.addcmul_(factor[t], factor[t], value=-1)
        left[every[going], pick[going]] = 0
        residual -= solved[:, t].square()
    return [_scattered(triangle[:, :k, :k], solved[:, :k], picks[:, :k], scale) for k in nonzeros]


def _scattered(triangle: Tensor, solved: Tensor, picks: Tensor, scale: Tensor) -> Tensor:
    """The coefficients of the chosen inputs, each in its column."""
    values = torch.linalg.solve_triangular(triangle.mT, solved[:, :, None], upper=True)[:, :, 0]
    weight = torch.zeros_like(scale)
    return weight.scatter_add_(1, picks, values * scale.gather(1, picks))
