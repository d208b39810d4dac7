"""VarianceRatio, variance_ratio: how much transformations move a channel, beside what images do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

# A spread below 1e-7 of the channel's root mean square is the rounding of float32.
_DEAD = 1e-14


class VarianceRatio:
    """Variance over transformations / variance over images, channel by channel, from a stream of fields.

    Shapes     update(stack (t, n, c, H, W)): n images, each under the same t transformations, torch or NumPy; the last
               batch may be of any n
    Definition within: the variance over the t transformations, mean over images. between: the variance over the images,
               mean over transformations. Both with n - 1 in the denominator, at every cell, then the mean over cells.
               Ratio = within / between: 0 for a channel that no transformation changes, about 1 for one that changes
               with the transformation as much as from image to image. A channel that does not vary at all has 0
               and is counted in `dead`; one that the transformations alone change has infinity. Cells stay
               where they are: move them by g^-1 first to ask whether channels, not places, are invariant.
    Cost       memory 16 t c H W bytes, whatever the number of images (Welford's sums in float64)
    Source     the normalised variance of Quiroga, Torrents-Barrena, Lanzarini & Puig 2020 (tmeasures)
    Raises     ValueError for other shapes, t below 2, NaN and infinity; for a ratio of fewer than 2 images.

    >>> x = np.random.default_rng(0).normal(size=(1, 500, 2, 4, 4))
    >>> stack = np.concatenate([x, x])
    >>> stack[1, :, 1] *= -1                                                # the second channel changes its sign
    >>> VarianceRatio().update(stack).ratio.round(1).tolist()
    [0.0, 2.0]
    """

    def __init__(self) -> None:
        self.count = 0
        self._shape: tuple[int, ...] | None = None
        self._within: Any = 0.0
        self._mean: Any = 0.0
        self._squares: Any = 0.0

    def update(self, stack: Any) -> VarianceRatio:
        """Add images; returns the sums themselves."""
        values = _checked(stack)
        shape = (values.shape[0], *values.shape[2:])
        if self._shape not in (None, shape):
            raise ValueError(
                f"VarianceRatio.update: stack must be (t, n, c, H, W) of {self._shape} without n, got {shape}"
            )
        self._shape = shape
        n = values.shape[1]
        if not n:
            return self
        self._within = self._within + np.square(values - values.mean(0)).sum((0, 1)) / (len(values) - 1)
        mean = values.mean(1)
        shift, both = mean - self._mean, self.count + n
        self._squares = self._squares + np.square(values - mean[:, None]).sum(1)
        self._squares += np.square(shift) * (self.count * n / both)
        self._mean = self._mean + shift * (n / both)
        self.count = both
        return self

    @property
    def within(self) -> Array:
        """(c,) the variance over transformations."""
        self._require()
        return np.asarray((self._within / self.count).mean((1, 2)))

    @property
    def between(self) -> Array:
        """(c,) the variance over images."""
        self._require()
        return np.asarray((self._squares / (self.count - 1)).mean((0, 2, 3)))

    @property
    def ratio(self) -> Array:
        """(c,) within / between."""
        within, between, floor = self.within, self.between, self._floor
        ratio = np.divide(within, between, out=np.zeros(len(within)), where=between > floor)
        ratio[(between <= floor) & (within > floor)] = np.inf
        return ratio

    @property
    def dead(self) -> int:
        """The number of channels that do not vary at all."""
        floor = self._floor
        return int(((self.within <= floor) & (self.between <= floor)).sum())

    @property
    def _floor(self) -> Array:
        return np.asarray(_DEAD * (self.between + np.square(self._mean).mean((0, 2, 3))))

    def _require(self) -> None:
        if self.count < 2:
            raise ValueError(f"VarianceRatio: there must be at least 2 images, got {self.count}")


def variance_ratio(stack: Any) -> Array:
    """The ratio of `VarianceRatio` for one stack of fields, (t, n, c, H, W) -> (c,).

    Raises     ValueError as `VarianceRatio`.

    >>> x = np.random.default_rng(0).normal(size=(1, 20, 3, 4, 4))
    >>> variance_ratio(np.concatenate([x, x, x])).round(9).tolist()
    [0.0, 0.0, 0.0]
    """
    return VarianceRatio().update(stack).ratio


def _checked(stack: Any) -> Array:
    value = stack.detach().cpu() if isinstance(stack, Tensor) else torch.from_numpy(np.array(stack))
    if value.ndim != 5 or value.shape[0] < 2 or 0 in value.shape[2:]:
        raise ValueError(
            f"VarianceRatio.update: stack must be (t, n, c, H, W) with t of at least 2, got {tuple(value.shape)}"
        )
    values = value.to(torch.float64).numpy()
    if not np.isfinite(values).all():
        raise ValueError("VarianceRatio.update: stack must be finite, got NaN or infinity")
    return values
