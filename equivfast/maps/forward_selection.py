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
    for start in range(0, len(inputs.owner), rows):
        block = slice(start, start + rows)
        chosen = _select(inputs, block, min(max(nonzeros), p))
        for weight, k in zip(weights, nonzeros, strict=True):
            chosen.fill(weight[block], min(k, p))
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
        # A constant's rounding in float64.
        noise = 1e-12 * moments.mean_x.reshape(-1, p).abs() * moments.count**0.5
        usable = (deviation > CONSTANT * deviation.amax(-1, keepdim=True)) & (deviation > noise)
        scale = torch.where(usable, 1 / deviation, 0)
        along = (moments.xy.reshape(-1, p, q) * scale[..., None]).mT.reshape(-1, p)
        owner = torch.arange(len(xx), device=xx.device).repeat_interleave(q)
        return cls(xx, scale, owner, along, moments.yy.reshape(-1))


@dataclass(frozen=True)
class _Chosen:
    """For each output the chosen inputs and their scales (r, k), in order, and the triangular system (r, k, k),
    (r, k) of their coefficients; what was not chosen any more has coefficient 0."""

    picks: Tensor
    scale: Tensor
    triangle: Tensor
    solved: Tensor

    def fill(self, weight: Tensor, k: int) -> None:
        """The coefficients of the first k, each in its column of weight (r, p)."""
        triangle, solved = self.triangle[:, :k, :k], self.solved[:, :k, None]
        values = torch.linalg.solve_triangular(triangle.mT, solved, upper=True)[:, :, 0]
        weight.scatter_add_(1, self.picks[:, :k], values * self.scale[:, :k])


def _select(inputs: _Inputs, outputs: slice, steps: int) -> _Chosen:
    """The inputs of rows `outputs` of the matrices.

    For each output the Gram matrix of the inputs is factored column by column, pivot by pivot (Cholesky), the pivots
    being the chosen inputs: `left` is what remains of each input's variance, infinite where it is passed over, and
    `along` its remaining covariance with the output, so that along^2 / left is what it would take off the residual.
    """
    owner, along = inputs.owner[outputs], inputs.along[outputs].clone()
    variance, scale = inputs.variance[outputs], inputs.scale[owner]
    left = torch.where(scale > 0, 1.0, torch.inf).to(along)
    residual, count = variance.clone(), len(owner)
    every = torch.arange(count, device=along.device)
    gain, factor = torch.empty_like(along), along.new_zeros(steps, *along.shape)
    picks = torch.zeros(count, steps, dtype=torch.int64, device=along.device)
    triangle = torch.eye(steps, dtype=along.dtype, device=along.device).repeat(count, 1, 1)
    scales, solved = along.new_zeros(count, steps), along.new_zeros(count, steps)
    for t in range(steps):
        best, pick = torch.mul(along, along, out=gain).div_(left).max(1)  # the first of equals
        going = (best > 0) & (residual > EXPLAINED * variance)
        if not going.any():
            break
        pivot = left[every, pick].sqrt()
        known = torch.where(going, factor[:t, every, pick], 0)  # (t, outputs)
        picks[:, t], scales[:, t] = pick, torch.where(going, scale[every, pick], 0)
        triangle[:, t, :t], triangle[:, t, t] = known.T, torch.where(going, pivot, 1)
        solved[:, t] = torch.where(going, along[every, pick] / pivot, 0)
        if t + 1 == steps:
            break
        # Rows that have ended get a column of zeros: it changes nothing below.
        inverse = torch.where(going, 1 / pivot, 0)[:, None]
        column = inputs.xx[owner, pick].mul_(scale)
        torch.mul(column, scales[:, t, None] * inverse, out=factor[t])
        for earlier, share in zip(factor[:t], known, strict=True):
            factor[t].addcmul_(earlier, share[:, None] * inverse, value=-1)
        along.addcmul_(solved[:, t, None], factor[t], value=-1)
        left.addcmul_(factor[t], factor[t], value=-1)
        left.masked_fill_(left <= COLLINEAR, torch.inf)  # the pick itself, and what it explains
        residual -= solved[:, t].square()
    return _Chosen(picks, scales, triangle, solved)
