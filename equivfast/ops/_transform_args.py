"""The arguments of feature_transform: their checks, and the result that they ask for."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from equivfast.ops import _check
from equivfast.ops._cells import CELL_PADDING, padded_cells

_NAME = "feature_transform"
_FLOATS = (torch.float32, torch.float64)


class TransformArgs(NamedTuple):
    x: torch.Tensor
    sources: torch.Tensor  # the argument `index`: tuples have a method of that name
    mix: torch.Tensor
    rows: torch.Tensor | None
    columns: torch.Tensor | None
    m: int
    weight: torch.Tensor | None
    bias: torch.Tensor | None

    @property
    def d(self) -> int:
        return self.mix.shape[0] if self.rows is None else self.rows.shape[0] - 1

    @property
    def taps(self) -> int:
        return self.sources.shape[2] if self.sources.ndim == 3 else 1


def _check_fields(a: TransformArgs) -> None:
    _check.rank(_NAME, "x", a.x, (4,), "(n, c, h, w)")
    _check.dtype(_NAME, "x", a.x, _FLOATS)
    _check.rank(_NAME, "index", a.sources, (2, 3), "(H, W) or (H, W, k)")
    _check.dtype(_NAME, "index", a.sources, (torch.int64,))
    if a.taps == 0:
        raise ValueError(
            f"{_NAME}: index must have at least one source per cell, got {_check.shape_of(a.sources)}"
        )
    if a.weight is not None and a.weight.shape != a.sources.shape:
        raise ValueError(
            f"{_NAME}: weight must have index's shape {_check.shape_of(a.sources)}, got {_check.shape_of(a.weight)}"
        )
    for name in ("mix", "weight", "bias"):
        tensor = getattr(a, name)
        if tensor is not None and tensor.dtype != a.x.dtype:
            raise ValueError(f"{_NAME}: {name} must have x's dtype {a.x.dtype}, got {tensor.dtype}")
    _check.same_device(_NAME, ("x", a.x), index=a.sources, mix=a.mix, weight=a.weight, bias=a.bias)


def _check_mix(a: TransformArgs) -> None:
    c = a.x.shape[1]
    if a.m < 1 or a.m % 2 == 0:
        raise ValueError(f"{_NAME}: mix must cover an odd number of cells each way, got {a.m}")
    filters = (c,) if a.m == 1 and a.mix.ndim == 2 else (c, a.m, a.m)
    if a.rows is None and tuple(a.mix.shape[1:]) != filters:
        raise ValueError(
            f"{_NAME}: mix must be (d, {c}) or (d, {c}, m, m) for x of {c} channels, "
            f"got {(*a.mix.shape, 1, 1)[:4]}"
        )
    if a.bias is not None and tuple(a.bias.shape) != (a.d,):
        raise ValueError(f"{_NAME}: bias must be ({a.d},), got {_check.shape_of(a.bias)}")


def _output(a: TransformArgs) -> torch.Tensor:
    """Laid out as x is: in cells where x lies so, padded cells for padded ones; else channel after channel."""
    shape, c = (a.x.shape[0], a.d, *a.sources.shape[:2]), a.x.shape[1]
    if a.x.is_contiguous() or a.x.stride(1) != 1 or c == 1:
        return a.x.new_empty(shape)
    cell = a.x.stride(3)
    if cell < c or a.x.stride(2) != a.x.shape[3] * cell:
        return a.x.new_empty(shape)
    if cell == c or cell % CELL_PADDING:
        return torch.empty(shape, dtype=a.x.dtype, device=a.x.device, memory_format=torch.channels_last)
    return padded_cells(a.x, shape, a.x.dtype)


def infer(*args: Any) -> torch.Tensor:
    a = TransformArgs(*args)
    _check_fields(a)
    _check_mix(a)
    return _output(a)
