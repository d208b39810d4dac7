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
        """x (n, p) and y (n, q), where there are fewer rows than inputs; otherwise None."""
        return self._together() if self.count < self.inputs else None

    def _together(self) -> tuple[Tensor, Tensor] | None:
        """All kept rows as one pair, None where only sums are kept."""
        if self._kept is None:
            return None
        if len(self._kept) != 1:
            empty = torch.empty(0, self.inputs, dtype=torch.float64, device=self.device)
            x = torch.cat([empty, *(part for part, _ in self._kept)])
            y = torch.cat([empty.new_empty(0, self.outputs), *(part for _, part in self._kept)])
            self._kept = [(x, y)]
        return self._kept[0]

    @property
    def sums(self) -> Sums:
        if self._sums is None:
            self._sums = self._zeros()
            rows = self._together()
            if rows and self.count:
                _add_rows(self._sums, 0, *rows)
        return self._sums

    @property
    def mean_x(self) -> Tensor:
        return self._together()[0].mean(0) if self._by_rows else self.sums.mean_x  # type: ignore[index]

    @property
    def mean_y(self) -> Tensor:
        return self._together()[1].mean(0) if self._by_rows else self.sums.mean_y  # type: ignore[index]

    @property
    def xx(self) -> Tensor:
        return self.sums.xx

    @property
    def xy(self) -> Tensor:
        return self.sums.xy

    @property
    def _by_rows(self) -> bool:
        """True while no one has asked for the sums."""
        return self._sums is None and self.count > 0

    @property
    def yy(self) -> Tensor:
        if self._by_rows:
            return (self._together()[1] - self.mean_y).square().sum(0)  # type: ignore[index]
        return self.sums.yy

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
        if self._kept is not None and self.count + len(x) < self.inputs:
            self._kept.append((x, y))
            self.count += len(x)
            self._sums = None
            return
        rows = self._together()
        if rows is not None:  # too many to keep from now on: all of them become sums together
            x, y = torch.cat([rows[0], x]), torch.cat([rows[1], y])
            self.count, self._kept, self._sums = 0, None, self._zeros()
        _add_rows(self.sums, self.count, x, y)
        self.count += len(x)

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of rows."""
        mine, theirs = self.rows, other.rows
        if mine and theirs:
            total = Moments(self.inputs, self.outputs, self.device)
            total.update(*mine)
            total.update(*theirs)
            return total
        total = Moments.of(self.count, Sums(**{name: part.clone() for name, part in vars(self.sums).items()}))
        if theirs:
            total.update(*theirs)
        else:
            _add_sums(total.sums, self.count, other.sums, other.count)
            total.count += other.count
        return total

    def select(self, columns: Tensor, rows: Tensor) -> Moments:
        """The moments of a subset of the inputs and of the outputs."""
        kept = self._together()
        if kept:  # its sums are made if someone asks for them
            part = Moments(len(columns), len(rows), self.device)
            part.count, part._kept = self.count, [(kept[0][:, columns], kept[1][:, rows])]
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

    def _zeros(self) -> Sums:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=self.device)

        p, q = self.inputs, self.outputs
        return Sums(zeros(p), zeros(q), zeros(p, p), zeros(p, q), zeros(q))


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
