"""The checks of maps that the files of this room share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from equivfast.groups import Transform
from equivfast.maps import Map

Array = NDArray[np.float64]
# Entries of transformations that come from products and inverses agree to this.
_SAME = 1e-9


def square(function: str, name: str, m: Any) -> None:
    """A shared map with as many output as input channels."""
    if not isinstance(m, Map):
        raise ValueError(f"{function}: {name} must be a Map, got {type(m).__name__}")
    if m.kind != "shared":
        raise ValueError(f"{function}: {name} must be of kind 'shared', got {m.kind!r}")
    if m.channels[0] != m.channels[1]:
        c, d = m.channels
        raise ValueError(f"{function}: {name} must have as many output as input channels, got {c} and {d}")


def channel_matrix(function: str, name: str, m: Map) -> Array:
    """The (c, c) matrix by which a shared map of support 1 mixes the channels."""
    square(function, name, m)
    if m.support != 1:
        raise ValueError(f"{function}: {name} must have support 1, got {m.support}")
    return dense(m.weight)


def dense(matrix: Any) -> Array:
    return np.asarray(matrix.toarray() if isinstance(matrix, csr_array) else matrix)


def same_transform(function: str, name: str, g: Transform, expected: Transform) -> None:
    if not np.allclose(g.matrix, expected.matrix, rtol=_SAME, atol=_SAME):
        raise ValueError(f"{function}: {name} must be of {expected.name}, got {g.name}")
