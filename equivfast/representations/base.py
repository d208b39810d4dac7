"""What every representation offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.groups import Grid, Transform


@runtime_checkable
class Representation(Protocol):
    """phi: images (n, c, h, w) -> feature field (n, d, H, W), on a grid that is known.

    ``grid(h, w)`` says where the cells of the field of an h x w image lie; ``channel_action(g)`` gives the
    permutation of channels that goes with a flip or turn g (then field of g x = cells moved by g, channel i read from
    channel ``permutation[i]``), or None where there is none.
    """

    @property
    def channels(self) -> int: ...

    def __call__(self, images: torch.Tensor) -> torch.Tensor: ...

    def grid(self, height: int, width: int) -> Grid: ...

    def channel_action(self, g: Transform) -> NDArray[np.int64] | None: ...
