"""pose_argmax: the best of many templates on every window of a feature field, exactly."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from equivfast import _core
from equivfast.ops import _check
from equivfast.ops._pose_panels import PANELS, PARTS, ROUTES, Panels, make
from equivfast.ops._pose_query import Query, check_shapes, query
from equivfast.ops._register import LIBRARY, as_tensor, define, pointer, threads, unseen

_NAME = "pose_argmax"
_SCHEMA = (
    "pose_argmax(Tensor features, Tensor templates, Tensor? bias, Tensor? prior, Tensor? mask, Tensor? positions, "
    "Tensor? neighbours, bool over_image, int top_k, float suppression, float threshold, "
    "Tensor[] panels, str route, int tile, float[] numbers, int budget) -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)

UNLIMITED = 2**62


class PoseResult(NamedTuple):
    """What pose_argmax found; -infinity and -1 where there is nothing."""

    score: Any
    pose: Any
    y: Any
    x: Any
    rescored: Any  # (n,): pairs of a pose and a position that were scored exactly


def _infer(
    features: Tensor, templates: Tensor, bias: Tensor | None, *rest: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    q = Query(*rest[:8])
    check_shapes(features, tuple(templates.shape), bias, q)
    n, _, h, w = features.shape
    kh, kw = templates.shape[2:]
    shape: tuple[int, ...] = (n, h - kh + 1, w - kw + 1)
    if q.over_image:
        shape = (n, q.top_k)
    elif q.positions is not None:
        shape = (n, q.positions.shape[1])
    corner = shape if q.over_image else (0,)  # elsewhere the caller knows them

    def integers(*shape: int) -> Tensor:
        return features.new_empty(shape, dtype=torch.int64)

    return features.new_empty(shape), integers(*shape), integers(*corner), integers(*corner), integers(n)


def _stride(tensor: Tensor | None) -> int:
    """Between images; 0 where all share one."""
    return 0 if tensor is None or tensor.shape[0] == 1 else tensor.stride(0)


def _run(
    features: Tensor, templates: Tensor, bias: Tensor | None, *rest: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    outputs = _infer(features, templates, bias, *rest)
    tensors, route, tile, bounds, budget = rest[8:]
    part = dict(zip(PARTS[route], tensors, strict=True))
    g, _, kh, kw = templates.shape
    values: list[Any] = [t.contiguous() if isinstance(t, Tensor) else t for t in rest[:8]]
    q = Query(*values)
    if features.shape[0] == 0:
        return outputs
    if q.positions is not None and q.positions.shape[1] == 0:
        for output, nothing in zip(outputs, (-math.inf, -1, -1, -1, 0), strict=True):
            output.fill_(nothing)
        return outputs
    bias = None if bias is None else bias.contiguous()
    at = tuple(pointer(part.get(name)) for name in PANELS)
    rank, clusters = (part["mix"].shape[1], len(part["centres"])) if "mix" in part else (0, 0)
    m = 0 if q.positions is None else q.positions.shape[1]
    _core.pose_argmax(
        features.data_ptr(), features.shape, features.stride(), (g, kh, kw), pointer(bias),
        (ROUTES.index(route), tile, rank, clusters), at, bounds,
        (pointer(q.prior), _stride(q.prior)), (pointer(q.mask), _stride(q.mask)),
        (pointer(q.positions), _stride(q.positions), m), q.over_image, q.top_k, q.suppression,
        pointer(q.neighbours), q.threshold, budget, tuple(map(pointer, outputs)), threads(),
    )  # fmt: skip
    return outputs


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    features, templates, _, prior, _, positions = inputs[:6]
    pose, y, x = output[1:4]
    if not inputs[7]:
        y, x = _corners(pose, positions)
    ctx.save_for_backward(features, templates, pose, y, x)
    ctx.panel_count = len(inputs[11])
    ctx.prior_rows = None if prior is None else prior.shape[0]
    ctx.mark_non_differentiable(*output[1:])


def _backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    """To the winners only: d score / d window is the template, d score / d template the window."""
    features, templates, pose, y, x = ctx.saved_tensors
    n, c, h, w = features.shape
    g, _, kh, kw = templates.shape
    image = torch.arange(n, device=pose.device).view(n, *[1] * (pose.ndim - 1)).expand_as(pose).reshape(-1)
    found = (pose >= 0).reshape(-1)
    share = torch.where(found, grad.reshape(-1), 0)[:, None]
    winner, y, x = (t.reshape(-1).clamp(min=0) for t in (pose, y, x))
    cells = features.permute(0, 2, 3, 1).reshape(n * h * w, c)
    banks = templates.permute(2, 3, 0, 1)
    to_cells, to_banks = torch.zeros_like(cells), torch.zeros(banks.shape, device=cells.device)
    for dy in range(kh):
        for dx in range(kw):
            at = (image * h + y + dy) * w + x + dx
            if ctx.needs_input_grad[0]:
                to_cells.index_add_(0, at, share * banks[dy, dx].index_select(0, winner))
            if ctx.needs_input_grad[1]:
                to_banks[dy, dx].index_add_(0, winner, share * cells.index_select(0, at))
    to_bias = torch.zeros(g).index_add_(0, winner, share[:, 0])
    to_prior = None
    if ctx.prior_rows is not None:
        rows = image if ctx.prior_rows == n else torch.zeros_like(image)
        to_prior = torch.zeros(ctx.prior_rows * g).index_add_(0, rows * g + winner, share[:, 0]).view(-1, g)
    needs = ctx.needs_input_grad
    return (
        to_cells.view(n, h, w, c).permute(0, 3, 1, 2) if needs[0] else None,
        to_banks.permute(2, 3, 0, 1) if needs[1] else None,
        to_bias if needs[2] else None, to_prior if needs[3] else None, *[None] * 7,
        [None] * ctx.panel_count, *[None] * 4,
    )  # fmt: skip


_pose_argmax = define(_SCHEMA, _infer, _run)
torch.library.register_autograd(f"equivfast::{_NAME}", _backward, setup_context=_setup_context, lib=LIBRARY)


def _corners(pose: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor]:
    """y and x of every result of location mode."""
    if positions is not None:
        given = positions.expand(pose.shape[0], -1, 2)
        return given[..., 0], given[..., 1]
    y = torch.arange(pose.shape[1], device=pose.device)[:, None]
    x = torch.arange(pose.shape[2], device=pose.device)
    return y.expand(pose.shape), x.expand(pose.shape)


def search(
    features: Any, templates: Tensor, bias: Tensor | None, panels: Panels, q: Query, budget: int = UNLIMITED
) -> PoseResult:
    """pose_argmax with the panels of a bank at hand.

    An image that takes more exact scores than the budget (over="image" only) is given up: its `rescored` is -1 and its
    other results mean nothing.
    """
    x = as_tensor(_NAME, "features", features)
    _check.dense(_NAME, "features", x)
    _check.on_cpu(_NAME, "features", x)
    others = (templates, bias, q.prior)
    hidden = unseen(x) and not any(t is not None and t.requires_grad for t in others)
    found = (_run if hidden else _pose_argmax)(
        x, templates, bias, *q, list(panels.tensors), panels.route, panels.tile, panels.numbers, budget
    )
    score, pose, y, left, rescored = found
    if not q.over_image:
        y, left = _corners(pose, q.positions)
    result = PoseResult(score, pose, y, left, rescored)
    return PoseResult(*(t.numpy() for t in result)) if isinstance(features, np.ndarray) else result


def bank_tensors(templates: Any, bias: Any) -> tuple[Tensor, Tensor | None]:
    """Templates (g, c, kh, kw) and bias (g,) as float32 tensors; ValueError for anything else."""
    w = as_tensor(_NAME, "templates", templates)
    _check.dense(_NAME, "templates", w)
    _check.rank(_NAME, "templates", w, (4,), "(g, c, kh, kw)")
    _check.dtype(_NAME, "templates", w, (torch.float32,))
    b = None if bias is None else as_tensor(_NAME, "bias", bias)
    if b is not None:
        _check.rank(_NAME, "bias", b, (1,), "(g,)")
        _check.dtype(_NAME, "bias", b, (torch.float32,))
    if min(w.shape) < 1:
        raise ValueError(
            f"{_NAME}: templates must hold at least one template of one cell, got {_check.shape_of(w)}"
        )
    return w, b


def pose_argmax(
    features: Any,
    templates: Any,
    bias: Any = None,
    *,
    over: str = "location",
    top_k: int = 1,
    nms: Any = None,
    threshold: float | None = None,
    mask: Any = None,
    prior: Any = None,
    positions: Any = None,
) -> PoseResult:
    """The best of many templates on every window of a feature field, or the best windows of each field.

    Shapes      features (n, c, h, w) float32, any strides; templates (g, c, kh, kw), bias (g,) float32;
                H' = h - kh + 1, W' = w - kw + 1. over="location": score, pose, y, x of (n, H', W'), or (n, m) with
                positions; over="image": (n, top_k), best first. score float32, the rest int64; rescored (n,)
    Definition  score(g, y, x) = sum_{dy, dx, c} templates[g, c, dy, dx] features[c, y + dy, x + dx]
                + bias[g] + prior[g], a float64 sum in one fixed order (docs/exact-argmax.md); (y, x) is the top-left
                cell. Ties go to the lowest pose, then y, then x. The answer is that of this number, whatever the route
    Options     prior (g,) or (n, g): added to the scores of each pose. mask bool (H', W') or (n, H', W'): False is
                not considered. positions int64 (m, 2) or (n, m, 2): only these (y, x) are. threshold: lower scores
                do not count. nms: r, or (r, neighbours bool (g, g)): of two within r cells both ways, and
                neighbours where that is given, only the better one counts. Where nothing is left: -infinity and -1
    Gradient    of score to features, templates, bias and prior; to the winners only
    Cost        never a tensor of positions x poses. Every call lays out the templates anew; `PoseBank` does so once,
                and has faster routes
    Source      Lenc & Vedaldi 2015, section 3.4
    Raises      ValueError for wrong shapes, dtypes and options, NaN or infinity, templates larger than the field

    >>> import numpy as np
    >>> import equivfast as ef
    >>> field = np.zeros((1, 1, 3, 4), np.float32)
    >>> field[0, 0, 1, 2] = 5
    >>> found = ef.pose_argmax(field, np.ones((2, 1, 1, 1), np.float32), np.array([0, 1], np.float32), over="image")
    >>> [part.tolist() for part in found[:4]]
    [[[6.0]], [[1]], [[1]], [[2]]]
    """
    w, b = bank_tensors(templates, bias)
    q = query(over, top_k, nms, threshold, mask, prior, positions)
    return search(features, w, b, make(w.detach(), "direct"), q)
