"""Centred second moments of paired rows, accumulated in float64 and mergeable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass
class Moments:
    """Count, means and centred sums of products of rows x (p) and y (q).

    Definition  xx = sum (x - mean_x)(x - mean_x)^T, xy = sum (x - mean_x)(y - mean_y)^T, yy = sum (y - mean_y)^2.
                New rows are centred on their own mean; the shift between two means enters as one more row,
                sqrt(a b / (a + b)) (mean_b - mean_a) for counts a and b. Nothing large is ever subtracted from
                something large, so a mean far above the spread costs no digits.
    """

    count: int
    mean_x: Tensor
    mean_y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    @classmethod
    def zeros(cls, inputs: int, outputs: int, device: torch.device) -> Moments:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(
            0, zeros(inputs), zeros(outputs), zeros(inputs, inputs), zeros(inputs, outputs), zeros(outputs)
        )

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add the rows of x (r, p) and y (r, q), float64."""
        if x.shape[0] == 0:
            return
        mean_x, mean_y = x.mean(0), y.mean(0)
        self._add(x.shape[0], mean_x, mean_y, x - mean_x, y - mean_y)

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of rows."""
        total = replace(
            self,
            **{name: getattr(self, name).clone() for name in ("mean_x", "mean_y", "xx", "xy", "yy")},
        )
        if other.count:
            total.xx += other.xx
            total.xy += other.xy
            total.yy += other.yy
            total._add(other.count, other.mean_x, other.mean_y, other.xx[:0], other.xy[:0])
        return total

    def select(self, columns: Tensor, rows: Tensor) -> Moments:
        """The moments of a subset of the inputs and of the outputs."""
        return Moments(
            self.count,
            self.mean_x[columns],
            self.mean_y[rows],
            self.xx[columns][:, columns],
            self.xy[columns][:, rows],
            self.yy[rows],
        )

    def _add(self, count: int, mean_x: Tensor, mean_y: Tensor, x: Tensor, y: Tensor) -> None:
        total = self.count + count
        scale = (self.count * count / total) ** 0.5
        shift_x, shift_y = mean_x - self.mean_x, mean_y - self.mean_y
        x = torch.cat([x, scale * shift_x[None]])
        y = torch.cat([y, scale * shift_y[None]])
        self.xx.addmm_(x.T, x)
        self.xy.addmm_(x.T, y)
        self.yy += y.square().sum(0)
        self.mean_x += shift_x * (count / total)
        self.mean_y += shift_y * (count / total)
        self.count = total
