"""One torch library for all ops, and the way from NumPy to torch and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad
from torch.library import Library

from equivfast.ops import _check

LIBRARY = Library("equivfast", "DEF")

DTYPE_CODES = {torch.uint8: 0, torch.float32: 1, torch.float64: 2}


def define(schema: str, infer: Callable[..., Any], cpu: Callable[..., Any]) -> Any:
    """Registers an op with its CPU and its fake implementation; returns the callable overload."""
    name = schema.split("(", 1)[0]
    LIBRARY.define(schema)
    LIBRARY.impl(name, cpu, "CPU")
    torch.library.register_fake(f"equivfast::{name}", infer, lib=LIBRARY)
    return getattr(torch.ops.equivfast, name).default


def unseen(tensor: torch.Tensor) -> bool:
    """Whether no part of torch has to see what is done to a CPU tensor: no gradient, trace, transform or profile.

    A kernel may then be called by itself, which saves the 10 us of the way through torch's dispatcher.
    """
    return type(tensor) is torch.Tensor and not tensor.requires_grad and eager()


def eager() -> bool:
    """Whether torch just computes: no trace, transform, mode or profile is in force. Gradients may be asked for."""
    return (
        _STACKS is not None
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch.autograd._profiler_enabled()
        and not any(stack() for stack in _STACKS)
    )


def _stacks() -> tuple[Callable[[], object], ...] | None:
    """Torch's modes and transforms in force; None where this version of torch does not tell."""
    try:
        dual = forward_ad._current_level  # -1, or the depth of forward differentiation
        assert isinstance(dual, int)
        return (
            torch._C._len_torch_dispatch_stack,
            torch._C._len_torch_function_stack,
            torch._C._functorch.peek_interpreter_stack,
            lambda: forward_ad._current_level >= 0,
        )
    except (AttributeError, AssertionError):
        return None


_STACKS = _stacks()


def threads() -> int:
    return torch.get_num_threads()


def pointer(tensor: torch.Tensor | None) -> int:
    """Where the numbers stand; 0 where there are none."""
    return 0 if tensor is None else tensor.data_ptr()


def as_tensor(op: str, name: str, value: Any) -> torch.Tensor:
    """A tensor that shares the array's memory where it can; ValueError for anything else."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray):
        # What torch cannot share: read-only memory, other byte orders, strides below 0 or between elements.
        flags = value.flags
        odd = not flags.c_contiguous and any(s < 0 or s % value.itemsize for s in value.strides)
        if odd or not flags.writeable or not value.dtype.isnative:
            value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        try:
            return torch.from_numpy(value)
        except TypeError:
            raise ValueError(f"{op}: {name} has the unsupported dtype {value.dtype}") from None
    raise ValueError(f"{op}: {name} must be a torch tensor or a NumPy array, got {type(value).__name__}")


def planes(op: str, name: str, image: Any) -> torch.Tensor:
    """An image, torch (n, c, h, w) or NumPy (h, w) or (h, w, c), as (n, c, h, w), sharing memory where torch can."""
    if not isinstance(image, np.ndarray):
        tensor = as_tensor(op, name, image)
        _check.rank(op, name, tensor, (4,), "(n, c, h, w)")
        return tensor
    _check.rank(op, name, image, (2, 3), "(h, w) or (h, w, c)")
    return as_tensor(op, name, image[None, None] if image.ndim == 2 else image.transpose(2, 0, 1)[None])
