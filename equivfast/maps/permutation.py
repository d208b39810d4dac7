"""Maps that need no data: the exact permutation, and the two controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from equivfast import groups
from equivfast.groups import Grid, Transform, grid_action
from equivfast.maps import _check
from equivfast.maps.compose import cells_exact
from equivfast.maps.map import Map


def permutation(
    g: Transform,
    source: Grid,
    channel_action: Sequence[int] | NDArray[np.int64] | None,
    *,
    kind: str = "shared",
    target: Grid | None = None,
) -> Map:
    """The map that moves the cells by g and reads channel i from channel `channel_action[i]`.

    Symmetry   exact, to the bit of the features, where the representation is equivariant by this permutation.
    Raises     ValueError when there is no channel action (None), when it is no permutation, or when g does not carry
               the grid's cells onto cells.

    >>> from equivfast.groups import Grid, rotation
    >>> M = permutation(rotation(180), Grid.centred(1, 2, stride=8), [1, 0])
    >>> M(np.array([[[1.0, 2.0]], [[3.0, 4.0]]])).tolist()
    [[[4.0, 3.0]], [[2.0, 1.0]]]
    """
    if channel_action is None:
        raise ValueError(
            f"permutation: the representation must permute its channels under g, it has no such action for {g.name}"
        )
    order = np.asarray(channel_action)
    if (
        order.ndim != 1
        or order.dtype.kind not in "iu"
        or not np.array_equal(np.sort(order), np.arange(len(order)))
    ):
        raise ValueError(
            f"permutation: channel_action must be a permutation of channels, got {channel_action!r}"
        )
    if not cells_exact(g, source):
        raise ValueError(f"permutation: g must carry cells of {source} onto cells, {g.name} does not")
    return _move("permutation", g, source, target, order, kind)


def cells(
    g: Transform, source: Grid, channels: int, *, kind: str = "shared", target: Grid | None = None
) -> Map:
    """The control that moves the cells by g (to the nearest cell) and leaves the channels alone.

    >>> from equivfast.groups import Grid, hflip
    >>> cells(hflip(), Grid.centred(1, 2, stride=8), 1)(np.array([[[1.0, 2.0]]])).tolist()
    [[[2.0, 1.0]]]
    """
    return _move("cells", g, source, target, _order("cells", channels), kind)


def identity(source: Grid, channels: int, *, kind: str = "shared", target: Grid | None = None) -> Map:
    """The control "no map": every feature stays what and where it is.

    >>> from equivfast.groups import Grid
    >>> identity(Grid.centred(1, 2, stride=8), 1)(np.array([[[1.0, 2.0]]])).tolist()
    [[[1.0, 2.0]]]
    """
    return _move("identity", groups.identity(), source, target, _order("identity", channels), kind)


def _order(function: str, channels: Any) -> NDArray[np.int64]:
    if not isinstance(channels, (int, np.integer)) or channels < 1:
        raise ValueError(f"{function}: channels must be a number of at least 1, got {channels!r}")
    return np.arange(channels)


def _move(
    method: str, g: Transform, source: Grid, target: Grid | None, order: NDArray[Any], kind: str
) -> Map:
    """Channel i of a target cell reads channel order[i] of the nearest back-projected cell; 0 outside."""
    _check.kind(method, kind)
    target = target or source
    channels, reads = len(order), order[:, None]
    if kind == "window":
        size = source.height * source.width
        near = grid_action(g, source, target).index.reshape(-1)
        reads = np.where(near >= 0, reads * size + near, -1)
        shape = (reads.size, channels * size)
    else:
        shape = (channels, channels)
    rows = np.flatnonzero(reads >= 0)
    weight = csr_array((np.ones(len(rows)), (rows, reads.reshape(-1)[rows])), shape=shape)
    return Map(kind, g, method, weight, np.zeros(shape[0]), (channels, channels), source, target)
