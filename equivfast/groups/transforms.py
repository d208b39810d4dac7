"""The transformations g of images, grids and maps: flips, rotations, scalings, translations, affine maps.

Angles are in degrees, y points down, the origin is the canvas centre: see docs/conventions.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from equivfast.groups import _names
from equivfast.groups._checks import finite_number, number_pair, shown
from equivfast.groups._transform import Transform, make

__all__ = ["Transform", "affine", "hflip", "identity", "parse", "rotation", "scaling", "translation", "vflip"]


def identity() -> Transform:
    """The transformation that leaves every image as it is.

    >>> identity().is_identity
    True
    """
    return Transform(((1, 0, 0), (0, 1, 0)), "identity")


def rotation(degrees: float) -> Transform:
    """Turn the content counter-clockwise, as seen on the screen, about the canvas centre.

    Units      degrees; multiples of 90 give exact integer matrices
    Definition [[cos, sin], [-sin, cos]]: the minus sign is where it is because y points down.

    >>> rotation(90)([10, 0]).tolist()          # a point on the right goes up
    [0.0, -10.0]
    """
    angle = finite_number("rotation", "degrees", degrees)
    turn = math.remainder(angle, 360.0)
    exact = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), -90.0: (0.0, -1.0), 180.0: (-1.0, 0.0), -180.0: (-1.0, 0.0)}
    cosine, sine = exact.get(turn) or (math.cos(math.radians(turn)), math.sin(math.radians(turn)))
    return Transform(((cosine, sine, 0), (-sine, cosine, 0)), f"rot:{_names.number(angle)}")


def scaling(factor: float) -> Transform:
    """Enlarge the content by `factor` about the canvas centre; a factor below 1 shrinks it.

    >>> scaling(0.5)([10, -4]).tolist()
    [5.0, -2.0]
    """
    size = finite_number("scaling", "factor", factor)
    if size <= 0:
        raise ValueError(f"scaling: factor must be above 0, got {factor!r}")
    return Transform(((size, 0, 0), (0, size, 0)), f"scale:{_names.number(size)}")


def translation(dx: float, dy: float) -> Transform:
    """Move the content dx pixels to the right and dy pixels DOWN.

    >>> translation(3, -2)([0, 0]).tolist()
    [3.0, -2.0]
    """
    x, y = finite_number("translation", "dx", dx), finite_number("translation", "dy", dy)
    return Transform(((1, 0, x), (0, 1, y)), f"shift:{_names.number(x)},{_names.number(y)}")


def hflip() -> Transform:
    """Mirror left and right.

    >>> hflip()([3, 1]).tolist()
    [-3.0, 1.0]
    """
    return Transform(((-1, 0, 0), (0, 1, 0)), "hflip")


def vflip() -> Transform:
    """Mirror top and bottom.

    >>> vflip()([3, 1]).tolist()
    [3.0, -1.0]
    """
    return Transform(((1, 0, 0), (0, -1, 0)), "vflip")


def affine(linear: ArrayLike, offset: Sequence[float] = (0, 0), name: str | None = None) -> Transform:
    """Any invertible affine map: p -> linear @ p + offset.

    Shapes     linear (2, 2), offset (2,)
    Raises     ValueError when a shape is wrong or the matrix is not finite or not invertible.

    >>> affine([[1, 0.5], [0, 1]])([0, 2]).tolist()          # a shear
    [1.0, 2.0]
    """
    try:
        turn = np.array(linear, dtype=np.float64)
    except (TypeError, ValueError):
        turn = np.empty(0)
    if turn.shape != (2, 2):
        raise ValueError(f"affine: linear must be 2 x 2 numbers, got {shown(linear)}")
    return make(turn, np.array(number_pair("affine", "offset", offset)), name or "")


def parse(text: str) -> Transform:
    """The transformation that a short text names; factors of a product are applied from the right.

    Definition identity, hflip, vflip, rot90, rot180, rot270, rot:DEGREES, scale:FACTOR, shift:DX,DY,
               affine:A,B,TX,C,D,TY (the matrix by rows), any of them followed by ^-1, products A*B.
    Raises     ValueError that repeats the text and lists the forms.

    >>> parse("rot:45*scale:0.8") == rotation(45) @ scaling(0.8)
    True
    """
    if not isinstance(text, str):
        raise ValueError(f"parse: text must be a string, got {shown(text)}")
    factors = [_parse_factor(factor.strip(), text) for factor in text.split("*")]
    product = factors[0]
    for factor in factors[1:]:
        product = product @ factor
    return product


def _parse_factor(factor: str, text: str) -> Transform:
    if factor.endswith("^-1"):
        return _parse_factor(factor[:-3].strip(), text).inverse()
    head, colon, tail = factor.partition(":")
    plain = {"identity": identity, "hflip": hflip, "vflip": vflip}
    turns = {"rot90": 90, "rot180": 180, "rot270": 270}
    if not colon and head in plain:
        return plain[head]()
    if not colon and head in turns:
        return rotation(turns[head])
    try:
        values = [float(value) for value in tail.split(",")]
    except ValueError:
        values = []
    if (head, len(values)) not in {("rot", 1), ("scale", 1), ("shift", 2), ("affine", 6)}:
        forms = "identity, hflip, vflip, rot90, rot:45, scale:1.25, shift:3,-2, affine:a,b,tx,c,d,ty, a*b"
        raise ValueError(f"parse: text must be built of {forms}; got {factor!r} in {text!r}")
    if head == "affine":
        a, b, tx, c, d, ty = values
        return affine([[a, b], [c, d]], (tx, ty))
    if head == "shift":
        return translation(*values)
    return rotation(values[0]) if head == "rot" else scaling(values[0])
