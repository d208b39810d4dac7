"""From sums of every image to the parts of the error, and to their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
PARTS = ("border", "interpolation", "phase", "real")
_DRAWS = 1000
_ENDS = (0.025, 0.975)
# A variance below this share of the features' own square is rounding of float32: the field does not vary.
_VARIES = 1e-12


@dataclass(frozen=True, eq=False)
class Sums:
    """Of some cells, a row for each image: squares and sums about one common offset, and the squares themselves."""

    squares: Array  # (n,)
    sums: Array  # (n, d)
    size: Array  # (n,)
    cells: int

    @classmethod
    def of(cls, y: Tensor, predicted: Tensor, offset: Tensor) -> Sums:
        """y and the prediction (n, d, cells)."""
        centred = y - offset
        size = (y.square() + predicted.square()).sum((1, 2)) / 2
        return cls(_squares(centred), centred.sum(2).numpy(), size.numpy(), y.shape[2])

    def variance(self, weights: Array) -> Array:
        """The sum of squares about the mean, for each row of image weights; of the fields where they do not vary."""
        count = weights.sum(1) * self.cells
        varies = weights @ self.squares - np.square(weights @ self.sums).sum(1) / count
        size = weights @ self.size
        return np.where(varies > _VARIES * size, varies, np.where(size > 0, size, 1.0))


@dataclass(frozen=True, eq=False)
class Residuals:
    """Squared residuals of every image: (n,). `inner` None: no cell sees the inside alone, and `invented` speaks."""

    all: Array
    inner: Array | None
    invented: Array | None
    sampled: Array
    shifted: Array
    shift_floor: Array
    aligned: Array | None  # all cells miss alike: the residual once g x is shifted so that they land


def joined(parts: list[tuple[Sums, Sums, Residuals]]) -> tuple[Sums, Sums, Residuals]:
    """Batches put together."""
    everywhere, inner, residuals = zip(*parts, strict=True)
    rows: dict[str, Any] = {}
    for name in (entry.name for entry in fields(Residuals)):
        values = [getattr(batch, name) for batch in residuals]
        rows[name] = None if values[0] is None else np.concatenate(values)
    return _stacked(everywhere), _stacked(inner), Residuals(**rows)


def _stacked(parts: Sequence[Sums]) -> Sums:
    return Sums(
        np.concatenate([part.squares for part in parts]),
        np.concatenate([part.sums for part in parts]),
        np.concatenate([part.size for part in parts]),
        parts[0].cells,
    )


def shares(everywhere: Sums, inner: Sums, residuals: Residuals, weights: Array) -> dict[str, Array]:
    """total and its parts, a number for each row of image weights (rows, n); cut off in the order of PARTS."""
    whole, own = everywhere.variance(weights), inner.variance(weights)
    total = weights @ residuals.all / whole
    if residuals.inner is not None:
        left = np.minimum(total, weights @ residuals.inner / own)
    else:
        assert residuals.invented is not None
        left = total - np.minimum(total, weights @ residuals.invented / whole)
    found = {"total": total, "border": total - left}
    misaligned = np.maximum(0, weights @ (residuals.shifted - residuals.shift_floor))
    if residuals.inner is not None and residuals.aligned is not None:
        misaligned = np.minimum(misaligned, np.maximum(0, weights @ (residuals.inner - residuals.aligned)))
    for name, cost in (("interpolation", weights @ residuals.sampled), ("phase", misaligned)):
        found[name] = np.minimum(left, cost / own)
        left = left - found[name]
    return {**found, "real": left}


def intervals(
    everywhere: Sums, inner: Sums, residuals: Residuals, seed: int
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Values, low and high ends: 95 %, images drawn with replacement, the same for all parts."""
    n = len(residuals.all)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), _DRAWS).astype(np.float64)
    point = shares(everywhere, inner, residuals, np.ones((1, n)))
    drawn = shares(everywhere, inner, residuals, weights)
    values = {name: float(value[0]) for name, value in point.items()}
    ends = {name: np.quantile(value, _ENDS) for name, value in drawn.items()}
    # A part that the others cut off in most draws may lie beyond its own interval, which then reaches to it.
    low = {name: min(float(ends[name][0]), value) for name, value in values.items()}
    high = {name: max(float(ends[name][1]), value) for name, value in values.items()}
    return values, low, high


def squared(a: Tensor, b: Tensor) -> Array:
    """(n,): squared distance of fields (n, d, cells), image by image."""
    return _squares(a - b)


def picked(field: Tensor, mask: NDArray[np.bool_]) -> Tensor:
    """The cells (n, d, cells) of a mask."""
    return field[:, :, torch.from_numpy(mask)]


def _squares(values: Tensor) -> Array:
    found: Array = values.square().sum((1, 2)).numpy()
    return found
