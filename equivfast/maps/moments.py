"""Centred second moments of paired rows, accumulated in float64 and mergeable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Sums:
    """Means and centred sums of products."""

    mean_x: Tensor
    mean_y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor


class Moments:
    """Count, means and centred sums of products of rows x (p) and y (q).

    Definition  xx = sum (x - mean_x)(x - mean_x)^T, xy = sum (x - mean_x)(y - mean_y)^T, yy = sum (y - mean_y)^2.
                New rows are centred on their own mean; the shift between two means enters as one more row,
                sqrt(a b / (a + b)) (mean_b - mean_a) for counts a and b. Nothing large is ever subtracted from
                something large, so a mean far above the spread costs no digits.
    Cost        while there are fewer rows than inputs the rows themselves are kept (`rows`), which is less than
                their sums, and the sums are made when first asked for; from p rows on only the sums are.
    """

    def __init__(self, inputs: int, outputs: int, device: torch.device) -> None:
        self.inputs, self.outputs, self.device = inputs, outputs, device
        self.count = 0
        self._kept: list[tuple[Tensor, Tensor]] | None = []
        self._centred: tuple[Tensor, Tensor] | None = None
        self._means: tuple[Tensor, Tensor] | None = None
        self._sums: Sums | None = None

    @classmethod
    def zeros(cls, inputs: int, outputs: int, device: torch.device) -> Moments:
        return cls(inputs, outputs, device)

    @classmethod
    def of(cls, count: int, sums: Sums) -> Moments:
        """Moments known by their sums alone."""
        made = cls(sums.xy.shape[0], sums.xy.shape[1], sums.xy.device)
        made.count, made._kept, made._sums = count, None, sums
        return made

    @property
    def rows(self) -> tuple[Tensor, Tensor] | None:
        """Centred x (n, p) and y (n, q), where there are fewer rows than inputs; otherwise None."""
        return self._centre() if self.count < self.inputs else None

    def _centre(self) -> tuple[Tensor, Tensor] | None:
        """All kept rows less their means, None where only sums are kept."""
        if self._kept is not None and self._centred is None:
            raw = self._raw()
            means = [part.mean(0) if self.count else part.sum(0) for part in raw]
            self._means = (means[0], means[1])
            self._centred = (raw[0] - means[0], raw[1] - means[1])
        return self._centred

    def _raw(self) -> tuple[Tensor, Tensor]:
        empty = torch.empty(0, self.inputs, dtype=torch.float64, device=self.device)
        x = torch.cat([empty, *(part for part, _ in self._kept or ())])
        y = torch.cat([empty.new_empty(0, self.outputs), *(part for _, part in self._kept or ())])
        return x, y

    @property
    def sums(self) -> Sums:
        if self._sums is None:
            rows = self._centre()
            assert rows is not None and self._means is not None
            x, y = rows
            self._sums = Sums(*self._means, x.T @ x, x.T @ y, y.square().sum(0))
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
        return self.sums.xx

    @property
    def xy(self) -> Tensor:
        return self.sums.xy

    @property
    def yy(self) -> Tensor:
        rows = self._centre()
        return self.sums.yy if self._sums or rows is None else rows[1].square().sum(0)

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        parts = list(vars(self._sums).values()) if self._sums else []
        parts += [part for pair in self._kept or () for part in pair]
        return sum(8 * part.numel() for part in parts)

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add the rows of x (r, p) and y (r, q), float64."""
        if x.shape[0] == 0:
            return
        if self._kept is None:
            _add_rows(self.sums, self.count, x, y)
            self.count += len(x)
            return
        self._kept.append((x, y))
        self.count += len(x)
        self._centred = self._means = self._sums = None
        if self.count >= self.inputs:  # too many to keep from now on: all of them become sums together
            _ = self.sums
            self._kept = self._centred = self._means = None

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of rows."""
        theirs = other._kept
        if self._kept is not None and theirs is not None:
            total = Moments(self.inputs, self.outputs, self.device)
            for x, y in (*self._kept, *theirs):
                total.update(x, y)
            return total
        total = Moments.of(self.count, Sums(**{name: part.clone() for name, part in vars(self.sums).items()}))
        if theirs is not None:
            total.update(*other._raw())
        else:
            _add_sums(total.sums, self.count, other.sums, other.count)
            total.count += other.count
        return total

    def select(self, columns: Tensor, rows: Tensor) -> Moments:
        """The moments of a subset of the inputs and of the outputs."""
        kept = self._centre()
        if kept is not None and self._means is not None:  # its sums are made if someone asks for them
            part = Moments(len(columns), len(rows), self.device)
            part.count = self.count
            part._means = (self._means[0][columns], self._means[1][rows])
            part._centred = (kept[0][:, columns], kept[1][:, rows])
            return part
        whole = self.sums
        return Moments.of(
            self.count,
            Sums(
                whole.mean_x[columns],
                whole.mean_y[rows],
                whole.xx[columns[:, None], columns],
                whole.xy[columns[:, None], rows],
                whole.yy[rows],
            ),
        )


def _add_rows(total: Sums, count: int, x: Tensor, y: Tensor) -> None:
    """Add rows to the sums of `count` rows."""
    mean_x, mean_y = x.mean(0), y.mean(0)
    _add_centred(total, count, len(x), mean_x, mean_y, x - mean_x, y - mean_y)


def _add_sums(total: Sums, count: int, other: Sums, others: int) -> None:
    if others:
        total.xx += other.xx
        total.xy += other.xy
        total.yy += other.yy
        _add_centred(total, count, others, other.mean_x, other.mean_y, other.xx[:0], other.xy[:0])


def _add_centred(
    total: Sums, count: int, others: int, mean_x: Tensor, mean_y: Tensor, x: Tensor, y: Tensor
) -> None:
    both = count + others
    scale = (count * others / both) ** 0.5
    shift_x, shift_y = mean_x - total.mean_x, mean_y - total.mean_y
    x = torch.cat([x, scale * shift_x[None]])
    y = torch.cat([y, scale * shift_y[None]])
    total.xx.addmm_(x.T, x)
    total.xy.addmm_(x.T, y)
    total.yy += y.square().sum(0)
    total.mean_x += shift_x * (others / both)
    total.mean_y += shift_y * (others / both)
