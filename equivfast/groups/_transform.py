"""Transform: an invertible affine map of the image plane.

A transformation g acts on points p = (x, y) in pixels, x to the right, y DOWN, origin at the canvas centre:
g(p) = linear @ p + offset. It acts on an image by (g x)(p) = x(g^-1 p). See docs/conventions.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equivfast.groups import _names
from equivfast.groups._checks import shown

Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]

# Smallest over largest singular value, below which a matrix counts as singular: its inverse has few digits.
_SINGULAR = 1e-12
# Products and inverses leave rounding of a few 1e-16 on flips and quarter turns; within this they are made
# exact again, so that rotation(45) @ rotation(45) moves pixels just as rotation(90) does.
_SNAP = 1e-12
_IDENTITY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Transform:
    """An invertible affine map of the plane, p -> linear @ p + offset, in centred pixel coordinates.

    Definition `g @ h` applies h first, `g.inverse()` undoes g, `g(points)` moves points (..., 2) of (x, y).
    Symmetry   equality and hash look at the matrix alone; the name is for people and for `parse`.
    Raises     ValueError when the matrix is not 2 x 3, not finite or not invertible.

    >>> from equivfast.groups import rotation, translation
    >>> g = rotation(90) @ translation(3, 0)
    >>> g([0, 0]).tolist(), g.inverse()(g([1, 2])).tolist(), g.name
    ([0.0, -3.0], [1.0, 2.0], 'rot:90*shift:3,0')
    """

    matrix: Matrix
    name: str = field(default="", compare=False)

    # `g @ array` is a TypeError, as for any other stranger; without this NumPy would try to multiply.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        try:
            values = np.array(self.matrix, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (2, 3):
            raise ValueError(f"Transform: matrix must be 2 x 3 numbers, got {shown(self.matrix)}")
        if not np.isfinite(values).all():
            raise ValueError(f"Transform: matrix must be finite, got {values.tolist()}")
        sizes = np.linalg.svd(values[:, :2], compute_uv=False)
        if not sizes[1] > _SINGULAR * sizes[0]:
            raise ValueError(f"Transform: matrix must be invertible, got {values.tolist()}")
        values = values + 0.0  # -0.0 becomes 0.0: equal matrices print alike
        rows = tuple(tuple(float(v) for v in row) for row in values)
        object.__setattr__(self, "matrix", rows)
        object.__setattr__(self, "name", str(self.name) or _names.of_matrix(values.ravel().tolist()))

    @property
    def linear(self) -> NDArray[np.float64]:
        """The linear part, (2, 2) float64."""
        return np.array(self.matrix)[:, :2]

    @property
    def offset(self) -> NDArray[np.float64]:
        """Where the canvas centre goes, (2,) float64, (x, y) in pixels."""
        return np.array(self.matrix)[:, 2]

    @property
    def is_identity(self) -> bool:
        """True when no entry differs from the identity's by more than 1e-9."""
        return bool(np.abs(np.array(self.matrix) - np.eye(2, 3)).max() <= _IDENTITY_TOLERANCE)

    @property
    def grid_symmetry(self) -> bool:
        """True for the eight flips and quarter turns about the canvas centre, exactly."""
        return _signed_permutation(self.linear) and not self.offset.any()

    def inverse(self) -> Transform:
        """The transformation that undoes this one.

        >>> from equivfast.groups import rotation, scaling
        >>> (rotation(30) @ scaling(0.8)).inverse().name
        'scale:1.25*rot:-30'
        """
        linear = _snapped(np.linalg.inv(self.linear).astype(np.float64))
        return make(linear, -linear @ self.offset, _names.inverse(self.name))

    def __matmul__(self, other: Transform) -> Transform:
        """`g @ h`: h first, then g."""
        if not isinstance(other, Transform):
            return NotImplemented
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is reported by Transform itself
            linear = _snapped(self.linear @ other.linear)
            offset = self.linear @ other.offset + self.offset
        return make(linear, offset, _names.product(self.name, other.name))

    def __call__(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (..., 2) of centred (x, y) -> where g moves them, float64, same shape."""
        values = np.asarray(points, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] != 2:
            raise ValueError(f"Transform: points must be (..., 2), got {values.shape}")
        return values @ self.linear.T + self.offset


def make(linear: NDArray[np.float64], offset: NDArray[np.float64], name: str) -> Transform:
    """A transformation from its two parts."""
    (a, b), (c, d) = linear.tolist()
    x, y = offset.tolist()
    return Transform(((a, b, x), (c, d, y)), name)


def _signed_permutation(linear: NDArray[np.float64]) -> bool:
    entries = np.abs(linear)
    return bool(np.array_equal(entries, np.eye(2)) or np.array_equal(entries, np.eye(2)[::-1]))


def _snapped(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    near = np.rint(linear)
    close = bool(np.abs(linear - near).max() <= _SNAP) and _signed_permutation(near)
    return near if close else linear
