"""The checks of arguments that the files of this room share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid
from equivfast.ops._register import as_tensor

KINDS = ("window", "shared")


def kind(function: str, value: object) -> None:
    if value not in KINDS:
        raise ValueError(f"{function}: kind must be one of {', '.join(KINDS)}, got {value!r}")


def support(function: str, kind: str, value: object) -> None:
    """An odd number of cells, or None for a window map."""
    if value is None and kind == "window":
        return
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1 or value % 2 == 0:  # type: ignore[operator]
        hint = " or None" if kind == "window" else ""
        raise ValueError(f"{function}: support must be an odd number of cells{hint}, got {value!r}")


def channels(function: str, value: Any) -> tuple[int, int]:
    """(c, d), both at least 1."""
    pair = value if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not all(isinstance(v, (int, np.integer)) and v >= 1 for v in pair):
        raise ValueError(f"{function}: channels must be (input, output) channels, at least 1, got {value!r}")
    return int(pair[0]), int(pair[1])


def mask(function: str, name: str, value: Any, grid: Grid) -> NDArray[np.bool_]:
    """A bool array of the grid's shape."""
    array = np.asarray(value)
    if array.dtype != bool or array.shape != (grid.height, grid.width):
        raise ValueError(
            f"{function}: {name} must be bool ({grid.height}, {grid.width}), got {array.dtype} {array.shape}"
        )
    return array


def field(function: str, name: str, value: Any, channels: int, grid: Grid | None) -> Tensor:
    """A floating (n, channels, H, W) field on `grid` (None: any size) as a tensor, sharing memory where torch can."""
    tensor = as_tensor(function, name, value)
    if not tensor.is_floating_point():
        raise ValueError(f"{function}: {name} must hold floating-point numbers, got {value.dtype}")
    size = "H, W" if grid is None else f"{grid.height}, {grid.width}"
    wrong_size = grid is not None and tuple(value.shape[2:]) != (grid.height, grid.width)
    if value.ndim != 4 or value.shape[1] != channels or wrong_size:
        raise ValueError(f"{function}: {name} must be (n, {channels}, {size}), got {tuple(value.shape)}")
    return tensor
