"""Sums of centred products of rows, of one regression or of many side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from equivfast.maps.blocks import gram


@dataclass
class Sums:
    """Means of x (..., p) and y (..., q), and centred sums xx (..., p, p), xy (..., p, q), yy (..., q)."""

    mean_x: Tensor
    mean_y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    def copy(self) -> Sums:
        return Sums(**{name: part.clone() for name, part in vars(self).items()})

    def add_rows(self, count: int, x: Tensor, y: Tensor) -> None:
        """Add rows to the sums of `count` rows."""
        mean_x, mean_y = x.mean(-2), y.mean(-2)
        self._add(count, x.shape[-2], mean_x, mean_y, x - mean_x[..., None, :], y - mean_y[..., None, :])

    def add_sums(self, count: int, other: Sums, others: int) -> None:
        """Add the sums of `others` rows to those of `count`."""
        if others:
            self.xx += other.xx
            self.xy += other.xy
            self.yy += other.yy
            none = other.xx[..., :0, :], other.xy[..., :0, :]
            self._add(count, others, other.mean_x, other.mean_y, *none)

    def _add(self, count: int, others: int, mean_x: Tensor, mean_y: Tensor, x: Tensor, y: Tensor) -> None:
        both = count + others
        scale = (count * others / both) ** 0.5
        shift_x, shift_y = mean_x - self.mean_x, mean_y - self.mean_y
        x = torch.cat([x, scale * shift_x[..., None, :]], -2)
        y = torch.cat([y, scale * shift_y[..., None, :]], -2)
        self.xx += gram(x)
        self.xy += x.mT @ y
        self.yy += y.square().sum(-2)
        self.mean_x += shift_x * (others / both)
        self.mean_y += shift_y * (others / both)
