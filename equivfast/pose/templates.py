"""Templates of all poses from one template: the adjoint of the maps, so that features need not be transformed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from equivfast.groups import Grid, grid_action
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
    template, bias = _window(values, m) if m.kind == "window" else _shared(values, m, size)
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
    found = []
    for m in maps:
        values = _checked("templates_from_maps", w, m, size)
        found.append(_window(values, m) if m.kind == "window" else _shared(values, m, size))
        if found[-1][0].shape != found[0][0].shape:
            shapes = f"{found[0][0].shape} and {found[-1][0].shape}"
            raise ValueError(f"templates_from_maps: maps must give templates of one shape, got {shapes}")
    if not found:
        raise ValueError("templates_from_maps: maps must hold at least one map, got none")
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


def _shared(w: Array, m: Map, size: Size | None) -> tuple[Array, float]:
    """First the filters the other way round, then every moved cell goes back to the cells it was read from."""
    height, width = size or w.shape[1:]
    rows, columns = (height - w.shape[1]) // 2, (width - w.shape[2]) // 2
    padded = np.pad(w, ((0, 0), (rows, rows), (columns, columns)))
    c, side = m.channels[0], m.support or 1
    taps = np.asarray(m.weight.T @ padded.reshape(len(w), -1)).reshape(c, side, side, height, width)
    wide = np.zeros((c, height + side - 1, width + side - 1))
    for dy in range(side):
        for dx in range(side):
            wide[:, dy : dy + height, dx : dx + width] += taps[:, dy, dx]
    r = side // 2
    moved = wide[:, r : r + height, r : r + width].reshape(c, -1)
    action = grid_action(m.g, Grid.centred(height, width, m.source.stride), None, m.interpolation)
    inside = action.index >= 0
    target = np.nonzero(inside.reshape(height * width, -1))[0]
    cells = height * width
    back = csr_array((action.weight[inside], (action.index[inside], target)), shape=(cells, cells))
    return (back @ moved.T).T.reshape(c, height, width), float(w.sum((1, 2)) @ m.bias)
