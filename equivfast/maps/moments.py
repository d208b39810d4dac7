"""Centred second moments of paired rows, accumulated in float64 and mergeable; of many regressions side by side."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivfast.maps import blocks
from equivfast.maps.sums import Sums

# Sums over all inputs are made for regressions on parts of them when these have more entries than this many times
# the whole Gram matrix: an entry is read four times faster than it is computed from a thousand rows.
_WHOLE = 1.2


class Moments:
    """Count, means and centred sums of products of rows x (..., r, p) and y (..., r, q).

    Shapes      leading dimensions are regressions of one size that see the same number of rows
    Definition  xx = sum (x - mean_x)(x - mean_x)^T, xy = sum (x - mean_x)(y - mean_y)^T, yy = sum (y - mean_y)^2.
                New rows are centred on their own mean; the shift between two means enters as one more row,
                sqrt(a b / (a + b)) (mean_b - mean_a) for counts a and b. Nothing large is ever subtracted from
                something large, so a mean far above the spread costs no digits.
    Cost        while there are fewer rows than inputs the rows themselves are kept (`rows`), which is less than
                their sums, and the sums are made when first asked for; from p rows on only the sums are.
    """

    def __init__(self, inputs: int, outputs: int, device: torch.device, batch: tuple[int, ...] = ()) -> None:
        self.inputs, self.outputs, self.device, self.batch = inputs, outputs, device, batch
        self.count = 0
        self._kept: list[tuple[Tensor, Tensor]] | None = []
        self._centred: tuple[Tensor, Tensor] | None = None
        self._means: tuple[Tensor, Tensor] | None = None
        self._xx: Tensor | None = None
        self._sums: Sums | None = None

    @classmethod
    def zeros(cls, inputs: int, outputs: int, device: torch.device, batch: tuple[int, ...] = ()) -> Moments:
        return cls(inputs, outputs, device, batch)

    @classmethod
    def of(cls, count: int, sums: Sums) -> Moments:
        """Moments known by their sums alone."""
        *batch, inputs, outputs = sums.xy.shape
        made = cls(inputs, outputs, sums.xy.device, tuple(batch))
        made.count, made._kept, made._sums = count, None, sums
        return made

    @property
    def rows(self) -> tuple[Tensor, Tensor] | None:
        """Centred x (..., n, p) and y (..., n, q), where there are fewer rows than inputs; otherwise None."""
        return self._centre() if self.count < self.inputs else None

    def _centre(self) -> tuple[Tensor, Tensor] | None:
        """All kept rows less their means, None where only sums are kept."""
        if self._kept is not None and self._centred is None:
            raw = self._raw()
            means = [part.mean(-2) if self.count else part.sum(-2) for part in raw]
            self._means = (means[0], means[1])
            self._centred = (raw[0] - means[0][..., None, :], raw[1] - means[1][..., None, :])
        return self._centred

    def _raw(self) -> tuple[Tensor, Tensor]:
        """Kept rows, put together one feature after the other: features are what `select` picks."""
        if self._kept and len(self._kept) == 1 and all(part.mT.is_contiguous() for part in self._kept[0]):
            return self._kept[0]
        empty = torch.empty(*self.batch, 0, dtype=torch.float64, device=self.device)
        x, y = (
            torch.cat([empty.new_empty(*self.batch, size, 0), *(pair[i].mT for pair in self._kept or ())], -1)
            for i, size in enumerate((self.inputs, self.outputs))
        )
        return x.mT, y.mT

    @property
    def sums(self) -> Sums:
        if self._sums is None:
            rows = self._centre()
            assert rows is not None and self._means is not None
            x, y = rows
            self._sums = Sums(*self._means, self.xx, x.mT @ y, y.square().sum(-2))
        return self._sums

    @property
    def mean_x(self) -> Tensor:
        return self._mean(0)

    @property
    def mean_y(self) -> Tensor:
        return self._mean(1)

    def _mean(self, side: int) -> Tensor:
        if self._centre() is not None and self._means is not None:
            return self._means[side]
        return self.sums.mean_y if side else self.sums.mean_x

    @property
    def xx(self) -> Tensor:
        rows = self._centre()
        if self._sums is not None or rows is None:
            return self.sums.xx
        if self._xx is None:
            self._xx = blocks.gram(rows[0])
        return self._xx

    @property
    def xy(self) -> Tensor:
        return self.sums.xy

    @property
    def yy(self) -> Tensor:
        rows = self._centre()
        return self.sums.yy if self._sums or rows is None else rows[1].square().sum(-2)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        parts = list(vars(self._sums).values()) if self._sums else []
        parts += [part for pair in self._kept or () for part in pair]
        return sum(8 * part.numel() for part in parts)

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add the rows of x (..., r, p) and y (..., r, q), float64."""
        count = x.shape[-2]
        if count == 0:
            return
        if self._kept is None:
            self.sums.add_rows(self.count, x, y)
            self.count += count
            return
        self._kept.append((x, y))
        self.count += count
        self._centred = self._means = self._xx = self._sums = None
        if self.count >= self.inputs:  # too many to keep from now on: all of them become sums together
            _ = self.sums
            self._kept = self._centred = self._means = self._xx = None

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of rows."""
        theirs = other._kept
        if self._kept is not None and theirs is not None:
            total = Moments(self.inputs, self.outputs, self.device, self.batch)
            for x, y in (*self._kept, *theirs):
                total.update(x, y)
            return total
        total = Moments.of(self.count, self.sums.copy())
        if theirs is not None:
            total.update(*other._raw())
        else:
            total.sums.add_sums(self.count, other.sums, other.count)
            total.count += other.count
        return total

    def select(self, columns: Tensor, rows: Tensor, of: Tensor | None = None) -> Moments:
        """The moments of subsets of the inputs and of the outputs, columns (..., p) and rows (..., q).

        `of` (...) says of which regression, where there are several.
        """
        at = () if of is None else (of[..., None],)
        kept, own = self._centre(), self.inputs**2 * math.prod(self.batch)
        mean_x, mean_y = self.mean_x[(*at, columns)], self.mean_y[(*at, rows)]
        unknown = self._xx is None and self._sums is None
        few = unknown and columns.numel() * columns.shape[-1] < _WHOLE * own
        if kept is not None and (few or self.count < columns.shape[-1]):
            part = Moments(columns.shape[-1], rows.shape[-1], self.device, tuple(columns.shape[:-1]))
            part.count, part._means = self.count, (mean_x, mean_y)
            part._centred = (kept[0].mT[(*at, columns)].mT, kept[1].mT[(*at, rows)].mT)
            return part
        xx = blocks.read(self.xx, of, columns, columns)
        if kept is not None:
            # From the rows: most of the table of all inputs and outputs would be made for nothing.
            xy = blocks.multiply(*kept, of, columns, rows)
        else:
            xy = blocks.read(self.sums.xy, of, columns, rows)
        return Moments.of(self.count, Sums(mean_x, mean_y, xx, xy, self.yy[(*at, rows)]))

    def part(self, which: slice | int) -> Moments:
        """Some of the regressions that stand side by side, without a copy."""
        kept = self._centre()
        if kept is None or self._sums is not None:
            return Moments.of(
                self.count, Sums(**{name: part[which] for name, part in vars(self.sums).items()})
            )
        x, y = kept[0][which], kept[1][which]
        found = Moments(self.inputs, self.outputs, self.device, tuple(x.shape[:-2]))
        found.count = self.count
        found._means, found._centred = (self.mean_x[which], self.mean_y[which]), (x, y)
        return found
