"""Products and inverses of maps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from equivfast.groups import Grid, Transform, grid_action

if TYPE_CHECKING:
    from equivfast.maps.map import Map


def product(second: Map, first: Map) -> Map:
    """`second @ first`: (A2 A1, A2 b1 + b2), the cells moved by g2 g1 in one step.

    Window maps compose exactly. Shared maps need m = 1; they compose exactly where both actions carry cells onto cells
    (settings["cells_exact"]), otherwise moving cells once is not the same as moving and rounding twice.
    """
    if first.kind != second.kind:
        raise ValueError(
            f"Map.__matmul__: both maps must be of one kind, got {second.kind!r} and {first.kind!r}"
        )
    if first.channels[1] != second.channels[0]:
        raise ValueError(
            f"Map.__matmul__: the second map must take {first.channels[1]} channels, got {second.channels[0]}"
        )
    parts = f"{second.method}*{first.method}"
    settings: dict[str, Any] = {"parts": [second.settings, first.settings]}
    support: int | None = None
    if first.kind == "window":
        if first.target != second.source:
            raise ValueError(f"Map.__matmul__: the second map must take {first.target}, got {second.source}")
    else:
        _require_one_cell("Map.__matmul__", second, first)
        if first.interpolation != second.interpolation or first.source.stride != second.source.stride:
            raise ValueError(
                f"Map.__matmul__: shared maps must have the same interpolation and stride, got "
                f"{second.interpolation}, {second.source.stride} and {first.interpolation}, {first.source.stride}"
            )
        support = 1
        settings["cells_exact"] = cells_exact(second.g, first.source) and cells_exact(first.g, first.source)
    return replace(
        second,
        g=second.g @ first.g,
        method=parts,
        weight=second.weight @ first.weight,
        bias=second.weight @ first.bias + second.bias,
        channels=(first.channels[0], second.channels[1]),
        source=first.source,
        support=support,
        settings=settings,
    )


def inverse(m: Map, max_condition: float) -> Map:
    """(A^-1, -A^-1 b) and g^-1."""
    rows, columns = m.weight.shape
    if m.kind == "shared":
        _require_one_cell("Map.inverse", m)
    if rows != columns:
        raise ValueError(f"Map.inverse: the matrix must be square, got {rows} x {columns}")
    dense = m.weight.toarray() if isinstance(m.weight, csr_array) else m.weight
    try:
        inverted = np.linalg.inv(dense)
        condition = float(np.linalg.norm(dense, 1) * np.linalg.norm(inverted, 1))
    except np.linalg.LinAlgError:
        condition = np.inf
    if not condition <= max_condition:
        raise ValueError(
            f"Map.inverse: condition number must be at most {max_condition:g}, got {condition:g}"
        )
    settings: dict[str, Any] = {"of": m.settings}
    if m.kind == "shared":
        settings["cells_exact"] = cells_exact(m.g, m.source)
    return replace(
        m,
        g=m.g.inverse(),
        method=f"{m.method}^-1",
        weight=inverted,
        bias=-inverted @ m.bias,
        source=m.target,
        target=m.source,
        settings=settings,
    )


def cells_exact(g: Transform, grid: Grid) -> bool:
    """Whether g carries every cell centre of the grid's lattice onto a cell centre."""
    return grid_action(g, grid, grid, "bilinear").index.shape[-1] == 1


def _require_one_cell(function: str, *maps: Map) -> None:
    for m in maps:
        if m.support != 1:
            raise ValueError(f"{function}: shared maps must have support 1, got {m.support}")
