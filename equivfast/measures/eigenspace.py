"""invariant_dimension, invariant_subspace, subspace_angles: what a map leaves as it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from equivfast.maps import Map
from equivfast.measures._check import Array
from equivfast.measures.spectrum import real_schur


def invariant_dimension(m: Map, threshold: float) -> int:
    """How many dimensions of the channels the map leaves as they are.

    Units      threshold: |lambda - 1|; `control_threshold` measures a fair one
    Definition the number of eigenvalues within `threshold` of 1, multiple ones counted as often as they come
    Raises     ValueError as `spectrum`, and for a threshold below 0.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import permutation
    >>> invariant_dimension(permutation(hflip(), Grid.centred(2, 2, stride=8), [1, 0, 2]), 1e-6)
    2
    """
    values = real_schur("invariant_dimension", "m", m)[2]
    return int((np.abs(values - 1) <= _threshold("invariant_dimension", threshold)).sum())


def invariant_subspace(m: Map, threshold: float) -> Array:
    """An orthonormal basis of the channels' combinations that the map leaves as they are.

    Shapes     (c, k), k = `invariant_dimension`
    Definition the real invariant subspace that belongs to the eigenvalues within `threshold` of 1, by an ordered real
               Schur form: it is well defined where eigenvectors are not, as for multiple eigenvalues. A (c, c) map
               is applied as A v, so that columns are patterns of channels; invariant readings w (w^T A = w^T) are
               the subspace of the transpose.
    Raises     ValueError as `invariant_dimension`, and where the threshold cuts through eigenvalues that lie too close
               together to be told apart.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import permutation
    >>> flip = permutation(hflip(), Grid.centred(2, 2, stride=8), [1, 0])
    >>> np.abs(invariant_subspace(flip, 1e-6)).round(4).tolist()
    [[0.7071], [0.7071]]
    """
    limit = _threshold("invariant_subspace", threshold)
    triangular, vectors, values = real_schur("invariant_subspace", "m", m)
    near = np.abs(values - 1) <= limit
    _, ordered, _, _, count, _, _, info = lapack.dtrsen(near.astype(np.int32), triangular, vectors, job=b"N")
    if info:
        raise ValueError(
            "invariant_subspace: threshold must not cut through eigenvalues that lie too close together, "
            f"got {threshold!r}"
        )
    return np.ascontiguousarray(ordered[:, : int(count)])


def subspace_angles(u: Any, v: Any) -> Array:
    """The principal angles between the spaces that two sets of columns span, the largest first.

    Shapes     u (c, k), v (c, l) -> (min(k, l),); bases need not be orthonormal
    Units      degrees, 0 (a common direction) to 90
    Raises     ValueError for arrays that are no columns of one length, NaN and infinity.

    >>> subspace_angles(np.eye(3)[:, :2], np.eye(3)[:, 1:]).round(6).tolist()
    [90.0, 0.0]
    """
    bases = []
    for name, value in (("u", u), ("v", v)):
        basis = np.asarray(value, dtype=np.float64)
        if basis.ndim != 2 or not np.isfinite(basis).all():
            raise ValueError(f"subspace_angles: {name} must be finite columns (c, k), got {basis.shape}")
        bases.append(basis)
    if len(bases[0]) != len(bases[1]):
        lengths = f"{len(bases[0])} and {len(bases[1])}"
        raise ValueError(f"subspace_angles: u and v must have columns of one length, got {lengths}")
    if not all(basis.shape[1] for basis in bases):
        return np.empty(0)
    return np.asarray(np.degrees(scipy.linalg.subspace_angles(*bases)))


def _threshold(function: str, value: float) -> float:
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{function}: threshold must be a finite number of at least 0, got {value!r}")
    return float(value)
