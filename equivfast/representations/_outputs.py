"""What modules and networks return: tensors, or tuples, dictionaries and records with tensors inside."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

LOGITS = ("logits", "out")


def first(output: Any) -> Tensor | None:
    """The first tensor, looked for in depth; None where there is none."""
    if isinstance(output, Tensor):
        return output
    for part in _parts(output):
        found = first(part)
        if found is not None:
            return found
    return None


def with_first(output: Any, tensor: Tensor) -> Any:
    """The same output with `tensor` in place of its first tensor; the output itself is not changed."""
    if isinstance(output, Tensor):
        return tensor
    keys = list(output) if isinstance(output, Mapping) else range(len(output))
    for key in keys:
        if first(output[key]) is None:
            continue
        inner = with_first(output[key], tensor)
        if isinstance(output, tuple):
            parts = [inner if i == key else part for i, part in enumerate(output)]
            return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
        changed = copy.copy(output)
        changed[key] = inner
        return changed
    return output


def logits(output: Any, key: str | int | None, function: str) -> Tensor:
    """The tensor that counts as the network's output.

    Definition the one under `key`; without a key that under "logits" or "out", else the first
    Raises     ValueError when there is no such tensor
    """
    if isinstance(output, Tensor):
        return output
    chosen = output
    names = _names(output)
    if key is None:
        key = next((name for name in LOGITS if name in names), None)
    if isinstance(key, str) and key in names:
        chosen = output[key] if isinstance(output, Mapping) else getattr(output, key)
    elif isinstance(key, int) and isinstance(output, (tuple, list)) and -len(output) <= key < len(output):
        chosen = output[key]
    elif key is not None:
        had = f"{len(output)} parts" if isinstance(output, (tuple, list)) and not names else ", ".join(names)
        raise ValueError(
            f"{function}: output must name a part of what the network returns ({had}), got {key!r}"
        )
    tensor = first(chosen)
    if tensor is None:
        raise ValueError(f"{function}: the network must return a tensor, got {type(output).__name__}")
    return tensor


def _names(output: Any) -> list[str]:
    if isinstance(output, Mapping):
        return [name for name in output if isinstance(name, str)]
    if dataclasses.is_dataclass(output):
        return [field.name for field in dataclasses.fields(output)]
    return list(getattr(output, "_fields", ()))


def _parts(output: Any) -> list[Any]:
    if isinstance(output, Mapping):
        return list(output.values())
    if isinstance(output, (tuple, list)):
        return list(output)
    return [getattr(output, name) for name in _names(output)]
