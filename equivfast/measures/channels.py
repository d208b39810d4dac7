"""Which channels a map leaves alone: their scores, maps with identity rows, and how many rows may be so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid
from equivfast.maps import Map
from equivfast.measures._check import Array, dense, square

# So many larger counts in a row have to fail before a count stands.
_NEIGHBOURS = 3
# An error that equals the limit but for its rounding is within it.
_ROUNDING = 1e-12


def channel_scores(m: Map) -> Array:
    """How much each channel is read from itself alone.

    Shapes     (c,)
    Definition 1 - |row without its diagonal entry| / |row|, Euclidean norms of the channel's row of the map, over all
               taps; the diagonal entry is that of the channel's own central tap. 1: the row is a multiple of
               the identity's; 0: the channel does not read itself. A row of zeros scores 0.
    Source     Lenc & Vedaldi 2015, section 3.2, compare the same two norms
    Raises     ValueError for window maps and for channels c != d.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import permutation
    >>> channel_scores(permutation(hflip(), Grid.centred(2, 2, stride=8), [1, 0, 2])).tolist()
    [0.0, 0.0, 1.0]
    """
    square("channel_scores", "m", m)
    c, taps = m.channels[0], (m.support or 1) ** 2
    rows = dense(m.weight).reshape(c, c, taps).copy()
    whole = np.linalg.norm(rows.reshape(c, -1), axis=1)
    rows[np.arange(c), np.arange(c), taps // 2] = 0
    rest = np.linalg.norm(rows.reshape(c, -1), axis=1)
    return 1 - np.divide(rest, whole, out=np.ones(c), where=whole > 0)


@dataclass(frozen=True, eq=False)
class PartlyInvariant:
    """A map that leaves some channels as and where they are; call it on features.

    Shapes     features (n, c, H, W) or (c, H, W), torch or NumPy, float32 or float64, as for `Map`
    Definition m(features), the given channels overwritten by the features' own: these cells are not moved either
    Gradient   torch: with respect to the features
    Raises     ValueError for window maps, channels c != d, and channel numbers that are none.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import cells
    >>> partly = PartlyInvariant(cells(hflip(), Grid.centred(1, 2, stride=8), channels=2), (1,))
    >>> partly(np.array([[[1.0, 2.0]], [[3.0, 4.0]]])).tolist()
    [[[2.0, 1.0]], [[3.0, 4.0]]]
    """

    map: Map
    channels: Sequence[int]
    _kept: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        square("PartlyInvariant", "map", self.map)
        c, numbers = self.map.channels[0], np.asarray(self.channels)
        whole = numbers.ndim == 1 and (numbers.dtype.kind in "iu" or not numbers.size)
        if not whole or (numbers.size and not (numbers.min() >= 0 and numbers.max() < c)):
            raise ValueError(
                f"PartlyInvariant: channels must be numbers from 0 to {c - 1}, got {self.channels!r}"
            )
        kept = np.zeros(c, dtype=bool)
        kept[numbers.astype(np.int64)] = True
        object.__setattr__(self, "channels", tuple(numbers.tolist()))
        object.__setattr__(self, "_kept", kept)

    def __call__(self, features: Any, source: Grid | None = None) -> Any:
        """The features, mapped but for the channels that stay; `source` as for `Map`."""
        mapped, kept = self.map(features, source), self._kept[:, None, None]
        if isinstance(features, Tensor):
            return torch.where(torch.from_numpy(kept).to(features.device), features, mapped)
        return np.where(kept, features, mapped)


@dataclass(frozen=True)
class Invariant:
    """How many channels are invariant: `count`, its `share` of all, the channels in the `order` of their scores, the
    `accuracy` with that many identity rows, and the number of `evaluations` it took."""

    count: int
    share: float
    order: tuple[int, ...]
    accuracy: float
    evaluations: int


def invariant_channels(
    m: Map, accuracy: Callable[[Callable[..., Any]], float], original: float, tolerance: float = 0.05
) -> Invariant:
    """How many channels may be left untransformed before the network notices.

    Units      accuracy, original: shares of right answers, 0..1; `original` is the accuracy with `m` itself;
               tolerance: a share of its error
    Definition the p channels of the highest `channel_scores` (of equal ones the first) are left as they are,
               `PartlyInvariant`; the count is the largest p found with

                   1 - accuracy(p) <= (1 + tolerance) (1 - original)

               The source replaces rows by the identity's while "performance" stays "within 5 % relative" of that of
               M_g; performance is read here as its tables state it, as top-1 error. p = 0 is m itself and holds.
               p is found by bisection; then the counts above it are tried, until three in a row fail. Errors need not
               grow with p, so that a larger p beyond these may hold and stay unseen.
    Cost       at most 2 log2(c) + 4 calls of `accuracy`, which is handed the `PartlyInvariant` to put into the network
    Source     Lenc & Vedaldi 2015, section 3.2 and table 3
    Raises     ValueError as `channel_scores`; for shares outside 0..1, also where `accuracy` returns one.

    >>> from equivfast.groups import Grid, hflip
    >>> from equivfast.maps import permutation
    >>> m = permutation(hflip(), Grid.centred(2, 2, stride=8), [1, 0, 2, 3])
    >>> found = invariant_channels(m, lambda partly: 0.9 if set(partly.channels) <= {2, 3} else 0.5, 0.9)
    >>> found.count, found.share, found.order
    (2, 0.5, (2, 3, 0, 1))
    """
    original = _share("original", original)
    if not math.isfinite(tolerance) or tolerance < 0:
        raise ValueError(
            f"invariant_channels: tolerance must be a finite number of at least 0, got {tolerance!r}"
        )
    order = np.argsort(-channel_scores(m), kind="stable").tolist()
    c, limit = len(order), (1 + tolerance) * (1 - original) + _ROUNDING
    budget, tried = math.floor(2 * math.log2(c)) + 4, {0: original}

    def holds(p: int) -> bool:
        if p not in tried:
            tried[p] = _share("accuracy", accuracy(PartlyInvariant(m, order[:p])))
        return 1 - tried[p] <= limit

    count, above = 0, c + 1
    while above - count > 1:
        middle = (count + above) // 2
        count, above = (middle, above) if holds(middle) else (count, middle)
    p = count + 1
    while p <= min(c, count + _NEIGHBOURS) and len(tried) <= budget:
        count = p if holds(p) else count
        p += 1
    return Invariant(count, count / c, tuple(order), tried[count], len(tried) - 1)


def _share(name: str, value: Any) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"invariant_channels: {name} must be a share from 0 to 1, got {value!r}")
    return float(value)
