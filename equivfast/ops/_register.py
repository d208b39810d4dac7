"""One torch library for all ops, and the way from NumPy to torch and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.library import Library

LIBRARY = Library("equivfast", "DEF")

DTYPE_CODES = {torch.uint8: 0, torch.float32: 1, torch.float64: 2}


def define(schema: str, infer: Callable[..., Any], cpu: Callable[..., Any]) -> Any:
    """Registers an op with its CPU and its fake implementation; returns the callable overload."""
    name = schema.split("(", 1)[0]
    LIBRARY.define(schema)
    LIBRARY.impl(name, cpu, "CPU")
    torch.library.register_fake(f"equivfast::{name}", infer, lib=LIBRARY)
    return getattr(torch.ops.equivfast, name).default


def workspace(size: int) -> torch.Tensor:
    return torch.empty(size, dtype=torch.uint8)


def threads() -> int:
    return torch.get_num_threads()


def as_tensor(op: str, name: str, value: Any) -> torch.Tensor:
    """A tensor that shares the array's memory where it can; ValueError for anything else."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray):
        # What torch cannot share: read-only memory, other byte orders, strides below 0 or between elements.
        odd = any(stride < 0 or stride % value.itemsize for stride in value.strides)
        if odd or not value.flags.writeable or not value.dtype.isnative:
            value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        try:
            return torch.from_numpy(value)
        except TypeError:
            raise ValueError(f"{op}: {name} has the unsupported dtype {value.dtype}") from None
    raise ValueError(f"{op}: {name} must be a torch tensor or a NumPy array, got {type(value).__name__}")
