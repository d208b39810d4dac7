"""What pose_argmax is asked for, checked and in the form of the kernel."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from equivfast.ops import _check
from equivfast.ops._register import as_tensor

_OP = "pose_argmax"
OVER = ("location", "image")


class Query(NamedTuple):
    """The arguments of the op after features, templates and bias."""

    prior: Tensor | None  # (1 or n, g)
    mask: Tensor | None  # (1 or n, H', W')
    positions: Tensor | None  # (1 or n, m, 2)
    neighbours: Tensor | None  # (g, g)
    over_image: bool
    top_k: int
    suppression: float  # < 0: none
    threshold: float


def query(over: Any, top_k: Any, nms: Any, threshold: Any, mask: Any, prior: Any, positions: Any) -> Query:
    """What can be said without the features: names, ranks and dtypes."""
    _check.choice(_OP, "over", over, OVER)
    _check.whole(_OP, "top_k", top_k)
    if top_k < 1:
        raise ValueError(f"{_OP}: top_k must be at least 1, got {top_k}")
    if over == "location" and (top_k != 1 or nms is not None):
        what = f"top_k={top_k}" if top_k != 1 else f"nms={nms!r}"
        raise ValueError(
            f"{_OP}: {what} needs over='image'; over='location' gives one pose for every position"
        )
    suppression, neighbours = _suppression(nms)
    return Query(
        _stacked("prior", prior, 1, torch.float32, "(g,) or (n, g)"),
        _stacked("mask", mask, 2, torch.bool, "(H', W') or (n, H', W')"),
        _stacked("positions", positions, 2, torch.int64, "(m, 2) or (n, m, 2)"),
        neighbours, over == "image", top_k, suppression, _threshold(threshold),
    )  # fmt: skip


def of_images(q: Query, rows: Any) -> Query:
    """The same question about some of the images."""
    rows = torch.as_tensor(rows)

    def part(value: Tensor | None) -> Tensor | None:
        return value if value is None or value.shape[0] == 1 else value[rows]

    return q._replace(prior=part(q.prior), mask=part(q.mask), positions=part(q.positions))


def _stacked(name: str, value: Any, rank: int, dtype: torch.dtype, wanted: str) -> Tensor | None:
    """With a first axis for images, of length 1 where there is none."""
    if value is None:
        return None
    tensor = as_tensor(_OP, name, value)
    _check.rank(_OP, name, tensor, (rank, rank + 1), wanted)
    _check.dtype(_OP, name, tensor, (dtype,))
    return tensor if tensor.ndim == rank + 1 else tensor[None]


def _suppression(nms: Any) -> tuple[float, Tensor | None]:
    if nms is None:
        return -1.0, None
    radius, neighbours = nms if isinstance(nms, tuple) and len(nms) == 2 else (nms, None)
    if isinstance(radius, bool) or not isinstance(radius, (int, float)) or not radius >= 0:
        raise ValueError(
            f"{_OP}: nms must be a radius of at least 0 cells, or (radius, neighbours), got {nms!r}"
        )
    if neighbours is not None:
        neighbours = as_tensor(_OP, "neighbours of nms", neighbours)
        _check.rank(_OP, "neighbours of nms", neighbours, (2,), "(g, g)")
        _check.dtype(_OP, "neighbours of nms", neighbours, (torch.bool,))
    return float(radius), neighbours


def _threshold(threshold: Any) -> float:
    if threshold is None:
        return -math.inf
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or math.isnan(threshold):
        raise ValueError(f"{_OP}: threshold must be a number, got {threshold!r}")
    return float(threshold)


def check_shapes(features: Tensor, bank: tuple[int, ...], bias: Tensor | None, q: Query) -> None:
    """That the arguments fit together; `bank` is (g, c, kh, kw)."""
    _check.rank(_OP, "features", features, (4,), "(n, c, h, w)")
    _check.dtype(_OP, "features", features, (torch.float32,))
    n, c, h, w = features.shape
    g, channels, kh, kw = bank
    if g < 1 or kh < 1 or kw < 1 or channels < 1:
        raise ValueError(f"{_OP}: templates must hold at least one template of one cell, got {tuple(bank)}")
    if channels != c:
        raise ValueError(f"{_OP}: features have {c} channels, but templates {channels}")
    if kh > h or kw > w:
        raise ValueError(
            f"{_OP}: templates of {kh}x{kw} cells do not fit into features of {h}x{w} (height x width)"
        )
    if bias is not None and tuple(bias.shape) != (g,):
        raise ValueError(f"{_OP}: bias must be ({g},), got {_check.shape_of(bias)}")
    wanted = {"prior": (g,), "mask": (h - kh + 1, w - kw + 1)}
    for name, shape in wanted.items():
        value = getattr(q, name)
        if value is not None and (tuple(value.shape[1:]) != shape or value.shape[0] not in (1, n)):
            raise ValueError(f"{_OP}: {name} must be {shape} or ({n}, ...), got {_check.shape_of(value)}")
    if q.positions is not None and (q.positions.shape[2] != 2 or q.positions.shape[0] not in (1, n)):
        raise ValueError(
            f"{_OP}: positions must be (m, 2) or ({n}, m, 2), got {_check.shape_of(q.positions)}"
        )
    if q.neighbours is not None and tuple(q.neighbours.shape) != (g, g):
        raise ValueError(f"{_OP}: neighbours of nms must be ({g}, {g}), got {_check.shape_of(q.neighbours)}")
    _check.same_device(
        _OP, ("features", features), bias=bias, prior=q.prior, mask=q.mask, positions=q.positions,
        neighbours=q.neighbours,
    )  # fmt: skip
