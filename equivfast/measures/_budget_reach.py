"""Which pixels a cell depends on, for any callable: found by changing the others.

A gradient would say the same of a smooth phi only, and a maximum hides most of its inputs from it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equivfast.measures._budget_call import Phi

_IMAGES = (8, 4)  # for fields of few and of many channels: a maximum may hide a pixel in some of them
_MANY = 8
_CHANGED = 1e-5  # of what other images altogether change; less is rounding, and nobody's border effect
_ROUNDING = 1e-6  # of the features themselves


class Box(NamedTuple):
    """First and last pixel column, first and last pixel row."""

    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def seen(phi: Phi, images: Tensor, cell: tuple[int, int], seed: int) -> Box | None:
    """The pixels that a cell (row, column) depends on; None where they reach the image's border or are none.

    Columns left of the box may hold anything and the cell stays what it is, and so on for the four sides: each side
    is found by bisection, with noise in the place of what is left out.
    """
    height, width = images.shape[2:]
    channels = phi(images[:1]).shape[1]
    some = images[torch.arange(_IMAGES[channels >= _MANY]) % len(images)]
    noise = _noise(some, seed)
    row, column = cell
    four = some.repeat(4, 1, 1, 1)
    before = phi(four)[..., row, column]
    different = (phi(noise.repeat(4, 1, 1, 1))[..., row, column] - before).abs().max()
    least = _CHANGED * float(different) + _ROUNDING * float(before.abs().max())
    if not float(different) > least:
        return None
    free = [0] * 4  # lines that may be replaced
    needed = [width, width, height, height]  # and as many as may not
    tried = [1] * 4  # first of all: does it see the outermost?
    while any(n - f > 1 for f, n in zip(free, needed, strict=True)):
        spoiled = torch.cat([_spoiled(some, noise, side, lines) for side, lines in enumerate(tried)])
        change = (phi(spoiled)[..., row, column] - before).abs().unflatten(0, (4, -1)).amax((1, 2))
        for side, lines in enumerate(tried):
            (needed if float(change[side]) > least else free)[side] = lines
        if min(free) == 0:
            return None
        tried = [(f + n) // 2 for f, n in zip(free, needed, strict=True)]
    return Box(free[0], width - 1 - free[1], free[2], height - 1 - free[3])


def _noise(images: Tensor, seed: int) -> Tensor:
    """Other images with the range of each channel: a phi may know no other numbers."""
    low, high = images.amin((0, 2, 3), keepdim=True), images.amax((0, 2, 3), keepdim=True)
    high = torch.where(high > low, high, low + 1)
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(images.shape, generator=generator, dtype=images.dtype)


def _spoiled(images: Tensor, noise: Tensor, side: int, lines: int) -> Tensor:
    """The first or last columns, first or last rows replaced."""
    out = images.clone()
    axis = 3 if side < 2 else 2
    start = 0 if side % 2 == 0 else images.shape[axis] - lines
    out.narrow(axis, start, lines).copy_(noise.narrow(axis, start, lines))
    return out
