"""group_law, inverse_gap: whether maps multiply as their transformations do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from equivfast.maps import Map, Statistics
from equivfast.measures._check import channel_matrix, same_transform, square
from equivfast.measures._paths import by_fields, by_statistics

Pairs = Statistics | tuple[Any, Any]

# Above it a float64 inverse has no digit left.
_SINGULAR = 1 / float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class GroupLaw:
    """Shares of the outputs' variance: the squared residual of the two maps one after the other (`composed`), of
    the one map (`direct`), and the squared distance between what they predict (`gap`)."""

    composed: float
    direct: float
    gap: float


@dataclass(frozen=True)
class InverseGap:
    """Shares of the outputs' variance: the squared residual of the inverted map (`inverted`), of the map of the inverse
    (`direct`), the squared distance between what they predict (`gap`); and the matrix's 2-norm `condition`."""

    inverted: float
    direct: float
    gap: float
    condition: float


def group_law(m_g: Map, m_h: Map, m_gh: Map, pairs: Pairs) -> GroupLaw:
    """How far M_g M_h is from M_gh, and which of them is right.

    Shapes     pairs: fields (x (n, c, H, W), y (n, c, H, W)), y the field that M_gh should make of x; or `Statistics`
               of such pairs, for maps of support 1
    Definition squared residuals over all pairs, cells and channels, as shares of y's variance (sum of squares
               about the channels' means); the gap is |M_g M_h x - M_gh x|^2 by the same measure: the difference of the
               maps counts as far as data lie in its direction. Fields: M_h, then M_g, are applied, cells moved and
               rounded twice; only cells count that are read from inside the field on both ways. Statistics: of
               `M_g @ M_h`, which moves them once. Outputs that do not vary at all: 0 where met, else infinity.
    Raises     ValueError when the maps are no square shared maps, M_gh is not of the transformation M_g.g @ M_h.g, or
               the pairs do not fit the maps. (Maps that undo transformations multiply the other way round:
               (g h)^-1 = h^-1 g^-1.)

    >>> from equivfast.groups import Grid, rotation
    >>> from equivfast.maps import cells
    >>> grid = Grid.centred(3, 3, stride=8)
    >>> quarter, half = (cells(rotation(a), grid, channels=1) for a in (90, 180))
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> group_law(quarter, quarter, half, (x, x[..., ::-1, ::-1]))
    GroupLaw(composed=0.0, direct=0.0, gap=0.0)
    """
    for name, m in (("m_g", m_g), ("m_h", m_h), ("m_gh", m_gh)):
        square("group_law", name, m)
    same_transform("group_law", "m_gh", m_gh.g, m_g.g @ m_h.g)
    return GroupLaw(*_compared("group_law", [m_h, m_g], m_gh, pairs))


def inverse_gap(m_g: Map, m_inverse: Map, pairs: Pairs) -> InverseGap:
    """How far the inverse of M_g is from the map learned for g^-1.

    Shapes     pairs: fields (x, y) or `Statistics` as for `group_law`, y the field that M_(g^-1) should make of x
    Definition as `group_law`, of M_g^-1 in place of the product. A matrix whose condition number is above 1 / eps
               counts as singular: it has no inverse, so that inverted, gap and condition are infinite.
    Raises     ValueError when m_g is no square shared map of support 1, m_inverse is no square shared map of g^-1,
               or the pairs do not fit.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import cells
    >>> flip, x = cells(hflip(), Grid.centred(1, 2, stride=8), channels=1), np.array([[[[1.0, 2.0]]]])
    >>> inverse_gap(flip, flip, (x, x[..., ::-1]))
    InverseGap(inverted=0.0, direct=0.0, gap=0.0, condition=1.0)
    """
    condition = float(np.linalg.cond(channel_matrix("inverse_gap", "m_g", m_g)))
    square("inverse_gap", "m_inverse", m_inverse)
    same_transform("inverse_gap", "m_inverse", m_inverse.g, m_g.g.inverse())
    if not condition <= _SINGULAR:
        direct = _compared("inverse_gap", [m_inverse], m_inverse, pairs)[1]
        return InverseGap(np.inf, direct, np.inf, np.inf)
    inverted = m_g.inverse(max_condition=np.inf)
    return InverseGap(*_compared("inverse_gap", [inverted], m_inverse, pairs), condition)


def _compared(function: str, path: list[Map], direct: Map, pairs: Pairs) -> tuple[float, float, float]:
    """Residual of the maps one after the other, of the one map, and the gap; as shares of the variance."""
    sizes = {m.channels for m in [*path, direct]}
    if len(sizes) > 1:
        raise ValueError(f"{function}: maps must have the same channels, got {sorted(sizes)}")
    strides = {m.source.stride for m in [*path, direct]}
    if len(strides) > 1:
        raise ValueError(f"{function}: maps must have the same stride, got {sorted(strides)}")
    if isinstance(pairs, Statistics):
        *parts, variance = by_statistics(function, path, direct, pairs)
    else:
        *parts, variance = by_fields(function, path, direct, pairs)
    composed, alone, gap = (_share(part, variance) for part in parts)
    return composed, alone, gap


def _share(part: float, variance: float) -> float:
    if variance > 0:
        return part / variance
    return 0.0 if part == 0 else float("inf")
