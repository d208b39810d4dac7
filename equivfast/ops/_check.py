"""Checks that several ops share. Each raises ValueError that repeats what was passed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def shape_of(tensor: torch.Tensor | np.ndarray) -> str:
    return str(tuple(tensor.shape))


def rank(op: str, name: str, tensor: torch.Tensor | np.ndarray, allowed: Sequence[int], wanted: str) -> None:
    if tensor.ndim not in allowed:
        raise ValueError(f"{op}: {name} must be {wanted}, got {shape_of(tensor)}")


def dtype(op: str, name: str, tensor: torch.Tensor, allowed: Sequence[torch.dtype]) -> None:
    if tensor.dtype not in allowed:
        names = " or ".join(str(d).removeprefix("torch.") for d in allowed)
        raise ValueError(f"{op}: {name} must be {names}, got {str(tensor.dtype).removeprefix('torch.')}")


def same_device(op: str, first: tuple[str, torch.Tensor], **others: torch.Tensor | None) -> None:
    for name, tensor in others.items():
        if tensor is not None and tensor.device != first[1].device:
            raise ValueError(f"{op}: {name} is on {tensor.device}, but {first[0]} is on {first[1].device}")


def on_cpu(op: str, name: str, tensor: torch.Tensor) -> None:
    """Fake and meta tensors pass: they stand for tensors of any device."""
    if not tensor.is_cpu and tensor.device.type not in ("cpu", "meta"):
        raise ValueError(f"{op}: {name} is on {tensor.device}; this version computes on the CPU only")


def dense(op: str, name: str, tensor: torch.Tensor) -> None:
    if tensor.layout is not torch.strided:
        raise ValueError(f"{op}: {name} must be a dense tensor, got layout {tensor.layout}")


def whole(op: str, name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, torch.SymInt)):
        raise ValueError(f"{op}: {name} must be a whole number, got {value!r}")


def choice(op: str, name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{op}: {name} must be one of {', '.join(allowed)}, got {value!r}")
