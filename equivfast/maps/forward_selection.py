"""Forward selection: a few non-zeros per row, chosen greedily (orthogonal least squares)."""

from __future__ import annotations

import torch
from torch import Tensor

from equivfast.maps.moments import Moments

# A candidate is passed over when the inputs chosen before explain all but this share of its variance.
COLLINEAR = 1e-8
# An output is finished when all but this share of its variance is explained: float32 features hold no more.
EXPLAINED = 1e-12
# An input whose standard deviation is below this share of the largest one counts as constant.
CONSTANT = 1e-7
# Memory for the tables of one block of outputs, in bytes.
_BLOCK_BYTES = 1 << 28


def forward_selection(moments: Moments, nonzeros: int) -> Tensor:
    """A matrix A (q, p) with at most `nonzeros` entries in each row.

    Definition  inputs are centred and normalised; each step adds, for each output by itself, the input with which
                the least-squares residual becomes smallest, all coefficients fitted anew (orthogonal least squares).
                Of equal inputs the first wins. Passed over: constant inputs, and inputs of which those already
                chosen explain all but 1e-8 of the variance. A row ends early when all but 1e-12 of its output's
                variance is explained, or no input is left.
    Cost        (nonzeros + 4) p numbers of memory per output, outputs in blocks of 256 MB;
                about nonzeros^2 p / 2 multiply-adds per output
    Source      Chen, Billings & Luo 1989 (the selection); Lenc & Vedaldi 2015, equation 3 (its use for maps)

    >>> import torch
    >>> x = torch.tensor([[1.0, 0, 2], [0, 1, 1], [2, 2, 0], [1, 3, 1]]).double()
    >>> m = Moments.zeros(3, 1, torch.device("cpu"))
    >>> m.update(x, 5 * x[:, 1:2])
    >>> forward_selection(m, 2)
    tensor([[0., 5., 0.]], dtype=torch.float64)
    """
    p, q = moments.xy.shape
    weight = moments.xy.new_zeros(q, p)
    rows = max(1, _BLOCK_BYTES // (8 * max(1, p) * (nonzeros + 4)))
    for block in torch.arange(q, device=weight.device).split(rows):
        weight[block] = _select(moments, block, min(nonzeros, p))
    return weight


def _select(moments: Moments, outputs: Tensor, steps: int) -> Tensor:
    """Rows `outputs` of the matrix.

    For each output the Gram matrix of the inputs is factored column by column, pivot by pivot (Cholesky), the pivots
    being the chosen inputs: `left` is what remains of each input's variance, `along` its remaining covariance with
    the output, so that along^2 / left is what the input would take off the residual.
    """
    xx, count = moments.xx, len(outputs)
    deviation = xx.diagonal().clamp(min=0).sqrt()
    noise = 1e-12 * moments.mean_x.abs() * moments.count**0.5  # a constant's rounding in float64
    usable = (deviation > CONSTANT * deviation.max()) & (deviation > noise)
    scale = torch.where(usable, 1 / deviation, 0)
    along = (moments.xy[:, outputs] * scale[:, None]).T.contiguous()
    left = usable.to(xx.dtype).expand(count, -1).clone()
    variance = moments.yy[outputs]
    residual = variance.clone()

    every = torch.arange(count, device=xx.device)
    order = torch.arange(xx.shape[0], device=xx.device)
    factor = xx.new_zeros(steps, count, xx.shape[0])
    triangle = torch.eye(steps, dtype=xx.dtype, device=xx.device).repeat(count, 1, 1)
    picks = torch.zeros(count, steps, dtype=torch.int64, device=xx.device)
    solved = xx.new_zeros(count, steps)
    for t in range(steps):
        gain = torch.where(left > COLLINEAR, along.square() / left, -1)
        best = gain.max(1, keepdim=True).values
        pick = torch.where(gain == best, order, len(order)).min(1).values  # the first of equals
        going = (best[:, 0] >= 0) & (residual > EXPLAINED * variance)
        if not going.any():
            break
        pivot = left[every, pick].sqrt()
        known = factor[:t, every, pick]  # (t, outputs)
        column = xx[pick] * scale[pick, None] * scale - torch.einsum("to,top->op", known, factor[:t])
        factor[t] = torch.where(going[:, None], column / pivot[:, None], 0)
        triangle[:, t, :t] = torch.where(going, known, 0).T
        triangle[:, t, t] = torch.where(going, pivot, 1)
        picks[:, t] = pick
        solved[:, t] = torch.where(going, along[every, pick] / pivot, 0)
        along -= solved[:, t, None] * factor[t]
        left -= factor[t].square()
        left[every[going], pick[going]] = 0
        residual -= solved[:, t].square()

    values = torch.linalg.solve_triangular(triangle.mT, solved[:, :, None], upper=True)[:, :, 0]
    weight = xx.new_zeros(count, len(order))
    return weight.scatter_add_(1, picks, values * scale[picks])
