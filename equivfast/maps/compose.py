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

    Window maps compose exactly. Shared maps need m = 1, one of them where the other is an exact symmetry: a flip or
    quarter turn of m = 1 that carries cells onto cells. They compose exactly with such a symmetry (docs/maths.md says
    what becomes of the borders), and where both actions carry cells onto cells (settings["cells_exact"]); otherwise
    moving cells once is not the same as moving and rounding twice.
    """
    if first.kind != second.kind:
        raise ValueError(
            f"Map.__matmul__: both maps must be of one kind, got {second.kind!r} and {first.kind!r}"
        )
    if first.channels[1] != second.channels[0]:
        raise ValueError(
            f"Map.__matmul__: the second map must take {first.channels[1]} channels, got {second.channels[0]}"
        )
    settings: dict[str, Any] = {"parts": [second.settings, first.settings]}
    if first.kind == "window":
        if first.target != second.source:
            raise ValueError(f"Map.__matmul__: the second map must take {first.target}, got {second.source}")
        support, interpolation = None, first.interpolation
        weight, bias = second.weight @ first.weight, second.weight @ first.bias + second.bias
    else:
        support, interpolation = _layout(second, first)
        weight, bias = _filters(second, first)
        settings["cells_exact"] = cells_exact(second.g, first.source) and cells_exact(first.g, first.source)
    return replace(
        second,
        g=second.g @ first.g,
        method=f"{second.method}*{first.method}",
        weight=weight,
        bias=bias,
        channels=(first.channels[0], second.channels[1]),
        source=first.source,
        support=support,
        interpolation=interpolation,
        settings=settings,
    )


def _layout(second: Map, first: Map) -> tuple[int, str]:
    """Support and interpolation of the product of shared maps: a symmetry takes those of the other."""
    alike = first.interpolation == second.interpolation
    symmetries = [is_symmetry(m, first.source) for m in (second, first)]
    if first.source.stride != second.source.stride or not (alike or any(symmetries)):
        raise ValueError(
            f"Map.__matmul__: shared maps must have the same interpolation and stride, got "
            f"{second.interpolation}, {second.source.stride} and {first.interpolation}, {first.source.stride}"
        )
    if not any(symmetries):
        _require_one_cell("Map.__matmul__", second, first)
    other = first if symmetries[0] else second
    return other.support or 1, other.interpolation


def _filters(second: Map, first: Map) -> tuple[Any, Any]:
    """Weight and bias of the product of shared maps, one of them of support 1."""
    taps = (second.support or 1) ** 2
    bias = second.weight @ np.repeat(first.bias, taps) + second.bias
    if taps > 1:
        mixed = [_dense(second.weight[:, tap::taps] @ first.weight) for tap in range(taps)]
        return np.stack(mixed, -1).reshape(len(bias), -1), bias
    weight = second.weight @ first.weight
    if first.support == 1:
        return weight, bias
    # The second map turns the first one's filters: what it read at s^-1 d is now read at d.
    side = first.support or 1
    steps = Grid.centred(side, side, 1)
    order = grid_action(second.g, steps).index.ravel()
    columns = np.arange(first.channels[0])[:, None] * side**2 + order
    return weight[:, columns.ravel()], bias


def inverse(m: Map, max_condition: float) -> Map:
    """(A^-1, -A^-1 b) and g^-1."""
    rows, columns = m.weight.shape
    if m.kind == "shared":
        _require_one_cell("Map.inverse", m)
    if rows != columns:
        raise ValueError(f"Map.inverse: the matrix must be square, got {rows} x {columns}")
    dense = _dense(m.weight)
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


def is_symmetry(m: Map, grid: Grid) -> bool:
    """Whether a shared map only moves the cells of the grid's lattice onto each other, flipped or by quarter turns."""
    return m.support == 1 and m.g.grid_symmetry and cells_exact(m.g, m.source) and cells_exact(m.g, grid)


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if isinstance(matrix, csr_array) else matrix


def _require_one_cell(function: str, *maps: Map) -> None:
    for m in maps:
        if m.support != 1:
            raise ValueError(f"{function}: shared maps must have support 1, got {m.support}")
