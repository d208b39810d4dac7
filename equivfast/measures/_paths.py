"""Two ways from a field to another, maps one after the other and one map: what each leaves, and what is between."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, grid_action
from equivfast.maps import Map, Statistics
from equivfast.measures._check import dense, same_transform

Parts = tuple[
    float, float, float, float
]  # squared residual of the path, of the one map, their distance; variance

# Images that are mapped at once, in numbers of a field.
_TOGETHER = 1 << 23


def by_fields(function: str, path: list[Map], direct: Map, pairs: Any) -> Parts:
    """From the fields themselves, over the cells that both ways read from inside."""
    x, y = _fields(function, direct.channels[0], pairs)
    grid = direct.grid(*x.shape[2:])
    inside = np.ones((grid.height, grid.width), dtype=bool)
    for m in path:
        inside = _carried(m, grid, inside)
    inside &= direct.mask(grid)
    if not inside.any():
        raise ValueError(
            f"{function}: pairs must have cells that are read from inside, got none of {inside.shape}"
        )
    cells = torch.from_numpy(inside).to(x.device)
    sums = torch.zeros(3, dtype=torch.float64, device=x.device)
    for some, wanted in zip(*(part.split(max(1, _TOGETHER // x[0].numel())) for part in (x, y)), strict=True):
        one = walked = some.to(torch.float64)
        for m in path:
            walked = m(walked, grid)
        walked, one, truth = (v[:, :, cells] for v in (walked, direct(one, grid), wanted.to(torch.float64)))
        sums += torch.stack(
            [(a - b).square().sum() for a, b in ((walked, truth), (one, truth), (walked, one))]
        )
    truth = y[:, :, cells].to(torch.float64)
    variance = (truth - truth.mean((0, 2), keepdim=True)).square().sum()
    composed, alone, gap, total = (float(v) for v in (*sums, variance))
    return composed, alone, gap, total


def by_statistics(function: str, path: list[Map], direct: Map, statistics: Statistics) -> Parts:
    """From the statistics of the pairs, for maps of support 1."""
    same_transform(function, "statistics", statistics.g, direct.g)
    for name in ("kind", "channels", "interpolation"):
        mine, theirs = getattr(direct, name), getattr(statistics, name)
        if mine != theirs:
            raise ValueError(
                f"{function}: statistics and maps must have the same {name}, got {theirs} and {mine}"
            )
    wide = [m.support for m in [*path, direct] if m.support != 1]
    if wide:
        raise ValueError(f"{function}: maps must have support 1 for statistics, got {wide[0]}; give fields")
    if statistics.count < 1:
        raise ValueError(f"{function}: statistics must hold pairs, got none")
    product = path[0]
    for m in path[1:]:
        product = m @ product
    (problem,) = statistics.problems(1)
    moments = problem.moments
    xx, xy, mean_x, mean_y = (
        part.cpu().numpy() for part in (moments.xx, moments.xy, moments.mean_x, moments.mean_y)
    )
    variance = float(moments.yy.sum())

    def residual(m: Map) -> float:
        weight = dense(m.weight)
        spread = variance - 2 * float((weight.T * xy).sum()) + float(((weight @ xx) * weight).sum())
        return max(spread, 0.0) + moments.count * float(np.square(mean_y - weight @ mean_x - m.bias).sum())

    weight, bias = dense(product.weight) - dense(direct.weight), product.bias - direct.bias
    gap = max(float(((weight @ xx) * weight).sum()), 0.0)
    gap += moments.count * float(np.square(weight @ mean_x + bias).sum())
    return residual(product), residual(direct), gap, variance


def _carried(m: Map, grid: Grid, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells for which the map reads nothing but cells that are `inside`."""
    action = grid_action(m.g, grid, None, m.interpolation)
    read = np.append(inside, False)[action.index]
    r = (m.support or 1) // 2
    views = np.lib.stride_tricks.sliding_window_view(np.pad(read.all(-1), r), (2 * r + 1, 2 * r + 1))
    return np.asarray(views.all((-2, -1)))


def _fields(function: str, channels: int, pairs: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(pairs, (tuple, list)) or len(pairs) != 2:
        raise ValueError(
            f"{function}: pairs must be Statistics or two fields (x, y), got {type(pairs).__name__}"
        )
    found = []
    for name, value in zip("xy", pairs, strict=True):
        field = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
        if field.ndim != 4 or field.shape[1] != channels or not field.numel():
            raise ValueError(f"{function}: {name} must be (n, {channels}, H, W), got {tuple(field.shape)}")
        if not field.is_floating_point() or not bool(field.isfinite().all()):
            raise ValueError(f"{function}: {name} must hold finite floating-point numbers, got {field.dtype}")
        found.append(field.detach())
    if found[0].shape != found[1].shape:
        shapes = f"{tuple(found[0].shape)} and {tuple(found[1].shape)}"
        raise ValueError(f"{function}: x and y must have one shape, got {shapes}")
    return found[0], found[1]
