"""Templates of all poses from one template: the adjoint of the maps, so that features need not be transformed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from equivfast.groups import Grid, Transform, grid_action
from equivfast.maps import Map

Array = NDArray[np.float64]
Size = tuple[int, int]


def adjoint(w: Any, m: Map, size: Size | None = None) -> tuple[Any, float]:
    """The template and the bias that score features as `w` scores mapped features.

    Shapes     w (d, kh, kw), torch or NumPy -> template (c, kh', kw') of that kind, float64, and a number.
               kind "shared": (kh', kw') is `size`, by default (kh, kw), and lies around the template's centre;
               kind "window": w has the target's cells, the template the source's
    Definition <w, M(phi)> = <template, phi> + bias for every field phi of (kh', kw') cells: A^T w and <w, b>. A shared
               map is taken on the grid of these cells around the canvas centre, and w as 0 around its kh x kw cells:
               the pose turns about the template's centre, whatever the images were that the map was learned on. What
               the map reads beyond the kh' x kw' cells is 0, as in M(phi): with a larger `size` less is lost
    Symmetry   linear in w; (M @ N) has the adjoint of N after that of M where shared maps compose exactly, and always
               for window maps
    Raises     ValueError for a w that does not fit the map, for a size below w's or one whose middle is not w's (sizes
               differ by an odd number), for any size but the source's with a window map, NaN or infinity in w

    >>> from equivfast import groups, maps
    >>> flip = maps.permutation(groups.hflip(), groups.Grid.centred(1, 3, stride=8), [1, 0])
    >>> w, phi = np.array([[[1.0, 2, 3]], [[4, 5, 6]]]), np.array([[[1.0, 0, 0]], [[0, 0, 9]]])
    >>> template, bias = adjoint(w, flip)
    >>> template.tolist()
    [[[6.0, 5.0, 4.0]], [[3.0, 2.0, 1.0]]]
    >>> float((w * flip(phi)).sum()), float((template * phi).sum() + bias)
    (15.0, 15.0)
    """
    values = _checked("adjoint", w, m, size)
    template, bias = _window(values, m) if m.kind == "window" else _shared(values, [m], size)[0]
    return (torch.from_numpy(template).to(w.device) if isinstance(w, Tensor) else template), bias


def templates_from_maps(w: Any, maps: Iterable[Map], size: Size | None = None) -> tuple[Any, Any]:
    """The templates and biases of a bank of poses: one `adjoint` for each map.

    Shapes     w (d, kh, kw), torch or NumPy; maps: g of them -> templates (g, c, kh', kw') and bias (g,), float32, of
               w's kind. `size` (kh', kw') as of :func:`adjoint`
    Definition what pose g looks like is taken back by the map of the *inverse* transformation, M' =
               `maps.fit(phi, g.inverse(), ...)` = (A', b'): <w, M'(phi)> = <A'^T w, phi> + <w, b'> says how much the
               features, undone, look like w. Computed in float64, rounded once at the end
    Raises     ValueError as `adjoint`, for no map at all, and for maps that give templates of several shapes

    >>> from equivfast import groups, maps
    >>> grid = groups.Grid.centred(2, 2, stride=8)
    >>> turns = [maps.cells(groups.rotation(-angle), grid, channels=1) for angle in (0, 90, 180)]
    >>> templates, bias = templates_from_maps(np.array([[[1.0, 2], [3, 4]]]), turns)
    >>> templates.shape, templates[1, 0].tolist(), bias.tolist()            # turned counter-clockwise
    ((3, 1, 2, 2), [[2.0, 4.0], [1.0, 3.0]], [0.0, 0.0, 0.0])
    """
    asked = list(maps)
    checked = [_checked("templates_from_maps", w, m, size) for m in asked]
    if not asked:
        raise ValueError("templates_from_maps: maps must hold at least one map, got none")
    found: list[tuple[Array, float]] = [(np.empty(0), 0.0)] * len(asked)
    for places in _alike(asked):
        some = [asked[k] for k in places]
        if some[0].kind == "window":
            made = [_window(checked[places[0]], m) for m in some]
        else:
            made = _shared(checked[places[0]], some, size)
        for k, one in zip(places, made, strict=True):
            found[k] = one
    shapes = {template.shape: None for template, _ in found}
    if len(shapes) > 1:
        first, second, *_ = shapes
        raise ValueError(
            f"templates_from_maps: maps must give templates of one shape, got {first} and {second}"
        )
    templates = np.stack([template for template, _ in found]).astype(np.float32)
    bias = np.array([bias for _, bias in found], np.float32)
    if isinstance(w, Tensor):
        return torch.from_numpy(templates).to(w.device), torch.from_numpy(bias).to(w.device)
    return templates, bias


def _checked(function: str, w: Any, m: Map, size: Size | None) -> Array:
    """w as a float64 array that fits the map, and that fits into the size."""
    if not isinstance(m, Map):
        raise ValueError(f"{function}: maps must be of type Map, got {type(m).__name__}")
    if not isinstance(w, Tensor | np.ndarray):
        raise ValueError(f"{function}: w must be a torch tensor or a NumPy array, got {type(w).__name__}")
    values = np.asarray(w.detach().cpu().numpy() if isinstance(w, Tensor) else w, dtype=np.float64)
    cells = f"{m.target.height}, {m.target.width}" if m.kind == "window" else "kh, kw"
    fits = values.ndim == 3 and values.shape[0] == m.channels[1] and 0 not in values.shape
    if not fits or (m.kind == "window" and values.shape[1:] != (m.target.height, m.target.width)):
        raise ValueError(f"{function}: w must be ({m.channels[1]}, {cells}), got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{function}: w must be finite, got NaN or infinity")
    if size is None:
        return values
    source = (m.source.height, m.source.width)
    if m.kind == "window" and tuple(size) != source:
        raise ValueError(f"{function}: size must be the source's {source} for a window map, got {size!r}")
    room = [int(large) - small for large, small in zip(size, values.shape[1:], strict=True)]
    if m.kind == "shared" and (min(room) < 0 or any(cells % 2 for cells in room)):
        wanted = f"w's {values.shape[1:]} and an even number of cells more"
        raise ValueError(f"{function}: size must be {wanted}, got {size!r}")
    return values


def _window(w: Array, m: Map) -> tuple[Array, float]:
    template = np.asarray(m.weight.T @ w.ravel()).reshape(m.channels[0], m.source.height, m.source.width)
    return template, float(w.ravel() @ m.bias)


def _alike(maps: Sequence[Map]) -> list[list[int]]:
    """Places of maps that can be taken together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, m in enumerate(maps):
        key = (m.kind, m.channels, m.support, m.interpolation, m.source.stride)
        groups.setdefault(key, []).append(k)
    return list(groups.values())


def _shared(w: Array, maps: Sequence[Map], size: Size | None) -> list[tuple[Array, float]]:
    """First the filters the other way round, then every moved cell goes back to the cells it was read from.

    The maps have channels, support, interpolation and stride in common: all poses are moved together, which takes a
    fraction of the time of one by one.
    """
    height, width = size or w.shape[1:]
    rows, columns = (height - w.shape[1]) // 2, (width - w.shape[2]) // 2
    padded = np.pad(w, ((0, 0), (rows, rows), (columns, columns))).reshape(len(w), -1)
    c, side, stride = maps[0].channels[0], maps[0].support or 1, maps[0].source.stride
    r = side // 2
    wide = np.zeros((len(maps), c, height + 2 * r, width + 2 * r))
    for m, sums in zip(maps, wide, strict=True):
        taps = np.asarray(m.weight.T @ padded).reshape(c, side, side, height, width)
        for dy, dx in np.ndindex(side, side):
            sums[:, dy : dy + height, dx : dx + width] += taps[:, dy, dx]
    moved = wide[:, :, r : r + height, r : r + width].reshape(len(maps), c, -1)
    templates = [
        (_back(m.g, height, width, stride, m.interpolation) @ one.T).T.reshape(c, height, width)
        for m, one in zip(maps, moved, strict=True)
    ]
    totals = w.sum((1, 2))
    return [(template, float(totals @ m.bias)) for template, m in zip(templates, maps, strict=True)]


# A pose's cells are the same for every template of its size: 3 kB each at 8 x 8 cells.
@lru_cache(maxsize=4096)
def _back(g: Transform, height: int, width: int, stride: float, interpolation: str) -> csr_array:
    """(cells, cells): values of moved cells, back to the cells they were read from."""
    cells = height * width
    action = grid_action(g, Grid.centred(height, width, stride), None, interpolation)
    inside = action.index >= 0
    target = np.nonzero(inside.reshape(cells, -1))[0]
    return csr_array((action.weight[inside], (action.index[inside], target)), shape=(cells, cells))
