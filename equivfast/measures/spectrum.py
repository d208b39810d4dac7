"""spectrum, control_threshold: the eigenvalues of a map, and how near to 1 counts as 1."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import schur

from equivfast.maps import Map
from equivfast.measures._check import Array, channel_matrix

Complex = NDArray[np.complex128]

# Rounding moves the eigenvalues of exact maps by less.
FLOOR = 1e-6


def spectrum(m: Map) -> Complex:
    """The eigenvalues of the matrix by which the map mixes the channels, the one nearest to 1 first.

    Shapes     complex (c,)
    Definition of the (c, c) matrix of a shared map of support 1, in the order of |lambda - 1|; of a conjugate pair the
               one with the positive imaginary part comes first. Channels that g permutes in cycles of n have the
               n-th roots of 1, once for each cycle; what g does not change has 1.
    Cost       O(c^3)
    Raises     ValueError for window maps, support above 1, and channels c != d.

    >>> from equivfast.groups import Grid, rotation
    >>> from equivfast.maps import permutation
    >>> turn = permutation(rotation(90), Grid.centred(2, 2, stride=8), [3, 0, 1, 2])
    >>> [complex(round(v.real, 9), round(v.imag, 9)) + 0 for v in spectrum(turn)]
    [(1+0j), 1j, -1j, (-1+0j)]
    """
    values = real_schur("spectrum", "m", m)[2]
    return values[np.lexsort((-values.imag, np.abs(values - 1)))]


def control_threshold(control: Map, share: float = 1.0) -> float:
    """How far from 1 an eigenvalue may lie and still count as 1, from a map that should be the identity.

    Definition the |lambda - 1| within which a `share` of the eigenvalues of `control` lie, all of them by default; no
               less than 1e-6. A smaller share leaves out directions in which features hardly vary: nothing can be
               learned of them. A control is learned as the maps that it judges, between the features of images and of
               the same images sampled there and back: g, then g^-1. What its eigenvalues lack is the cost of sampling
               and of learning from few pairs, not of g.
    Raises     ValueError as `spectrum`, and for a share that is not above 0 and at most 1.

    >>> from equivfast.groups import Grid
    >>> from equivfast.maps import identity
    >>> control_threshold(identity(Grid.centred(2, 2, stride=8), channels=3))
    1e-06
    """
    if not 0 < share <= 1:
        raise ValueError(f"control_threshold: share must be above 0 and at most 1, got {share!r}")
    distances = np.sort(np.abs(real_schur("control_threshold", "control", control)[2] - 1))
    return max(FLOOR, float(distances[math.ceil(share * len(distances)) - 1]))


def real_schur(function: str, name: str, m: Map) -> tuple[Array, Array, Complex]:
    """T, Z and the eigenvalues in T's order: the map's matrix is Z T Z^T, T triangular but for blocks of 2 x 2."""
    triangular, vectors = schur(channel_matrix(function, name, m), output="real")
    values = triangular.diagonal().astype(np.complex128)
    # LAPACK's blocks are [[a, b], [c, a]] with b c < 0.
    first = np.flatnonzero(triangular.diagonal(-1))
    upper, lower = triangular[first, first + 1], triangular[first + 1, first]
    imaginary = np.sqrt(np.abs(upper)) * np.sqrt(np.abs(lower))
    values[first] += 1j * imaginary
    values[first + 1] -= 1j * imaginary
    return triangular, vectors, values
