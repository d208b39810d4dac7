"""One picture from overlapping ones: their slopes are averaged, and the picture with these slopes is found."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from torch import Tensor
from torch.nn import functional

# Windows know their picture up to a constant. Averaging slopes rather than grey values leaves the constants free, so
# that a step between two large regions does not fade away at the windows' ends.
_REACH = 32.0  # how far, in pixels of the patches, a slope is heard: windows know nothing of larger structure


def blend(patches: Tensor, rows: int, columns: int, stride: int) -> Tensor:
    """Pictures from (n, rows * columns, side^2) patches whose corners are `stride` pixels apart.

    Shapes      (n, rows * columns, side^2) -> (n, stride (rows - 1) + side, stride (columns - 1) + side)
    Definition  slopes towards the right and the next row, averaged with a Gaussian around each patch's centre of sigma
                side / 4; then the picture u that minimises |slope(u) - slopes|^2 + |u|^2 / reach^2, by cosine
                transforms
    """
    side = round(patches.shape[-1] ** 0.5)
    size = (stride * (rows - 1) + side, stride * (columns - 1) + side)
    square = patches.unflatten(2, (side, side))
    bell = torch.exp(-0.5 * ((torch.arange(side) - (side - 1) / 2) / (side / 4)) ** 2)
    weight = bell[:, None] * bell
    right, down = weight.clone(), weight.clone()
    right[:, -1] = 0
    down[-1] = 0
    slopes = []
    for axis, share in ((-1, right), (-2, down)):
        slope = square.roll(-1, axis) - square
        total = _gather(share.expand(1, rows * columns, side, side), size, stride)
        slopes.append(_gather(slope * share, size, stride) / total.clamp_min(1e-12))
    pictures = [_integrate(a, b) for a, b in zip(*(slope.double().numpy() for slope in slopes), strict=True)]
    return torch.from_numpy(np.stack(pictures)).float()


def _gather(patches: Tensor, size: tuple[int, int], stride: int) -> Tensor:
    """The sum of patches (n, count, side, side), each in its place."""
    return functional.fold(patches.flatten(2).transpose(1, 2), size, patches.shape[-1], stride=stride)[:, 0]


def _integrate(right: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """The picture whose differences are nearest to these; the last column of `right` and row of `down` are 0."""
    source = -right - down
    source[:, 1:] += right[:, :-1]
    source[1:] += down[:-1]
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in source.shape)
    spectrum = dctn(source, norm="ortho") / (rows[:, None] + columns + _REACH**-2)
    return np.asarray(idctn(spectrum, norm="ortho"))
