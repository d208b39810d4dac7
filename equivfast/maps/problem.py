"""Problem: what a solver is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from equivfast.maps.moments import Moments

# Regressions that are handed out together, in bytes of their sums.
_TOGETHER = 1 << 27


@dataclass(frozen=True)
class Problem:
    """Regressions side by side: the outputs `rows` (..., q) from the inputs `columns` (..., p), both as positions
    in the map's matrix."""

    columns: Tensor
    rows: Tensor
    moments: Moments

    def __len__(self) -> int:
        return len(self.columns)

    def part(self, which: slice | int) -> Problem:
        return Problem(self.columns[which], self.rows[which], self.moments.part(which))

    @property
    def nbytes(self) -> int:
        """Bytes of its sums."""
        p, q = self.columns.shape[-1], self.rows.shape[-1]
        return 8 * len(self) * p * (p + q)

    def parts(self) -> Iterator[Problem]:
        """The same in portions of bounded size."""
        step = max(1, len(self) * _TOGETHER // max(self.nbytes, 1))
        for start in range(0, len(self), step):
            yield self.part(slice(start, start + step)) if step < len(self) else self
