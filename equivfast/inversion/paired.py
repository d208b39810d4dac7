"""The paired dictionary: windows of HOG are written as sums of atoms, and the atoms' pictures are summed instead."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from equivfast.inversion.blend import blend
from equivfast.inversion.dictionary import CELLS, SETTINGS, SIDE, Dictionary, shipped
from equivfast.inversion.lasso import nonnegative_lasso

STEP = 2  # cells from one window to the next: each cell lies in six or so
SWEEPS = 12
_PAD = 2  # cells repeated around the field, so that its corners lie in as many windows as its middle
_PIXELS = SIDE // CELLS  # of a patch along a cell
# These shares of the pixels may lie below and above 16 and 239.
_RANGE, _OUTSIDE = (16.0, 239.0), (0.005, 0.995)


def invert_paired(fields: Tensor, size: tuple[int, int], dictionary: Dictionary | None = None) -> Tensor:
    """Pictures (n, h, w) in 0..255 of uoctti fields (n, 31, H, W) of 8-pixel cells."""
    known = shipped() if dictionary is None else dictionary
    padded = _padded(fields)
    rows, columns = ((cells - CELLS) // STEP + 1 for cells in padded.shape[2:])
    windows, contrast = standardised(windows_of(padded))
    codes = nonnegative_lasso(known.gram, known.features @ windows.T, known.penalty, SWEEPS)
    patches = (codes.T @ known.pictures) * contrast
    picture = blend(patches.view(len(fields), rows * columns, -1), rows, columns, STEP * _PIXELS)
    large = functional.interpolate(picture[:, None], scale_factor=SETTINGS.cell // _PIXELS, mode="bicubic")[
        :, 0
    ]
    first = _PAD * SETTINGS.cell
    return spread(large[:, first : first + size[0], first : first + size[1]])


def windows_of(fields: Tensor, step: int = STEP) -> Tensor:
    """All windows of (n, d, H, W), field by field and row by row: (count, d * 25)."""
    cut = fields.unfold(2, CELLS, step).unfold(3, CELLS, step)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)


def standardised(windows: Tensor) -> tuple[Tensor, Tensor]:
    """Windows without their mean and of unit length, and the lengths: 3 to 3.5 with edges, 0 where all is flat."""
    centred = windows - windows.mean(1, keepdim=True)
    length = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    return centred / length.clamp_min(1e-3), length


def spread(pictures: Tensor) -> Tensor:
    """Grey values 0..255: HOG knows neither brightness nor contrast, so each picture gets the full range.

    A picture without any structure becomes even grey.
    """
    found = []
    for picture in pictures:
        low, high = (float(v) for v in np.quantile(picture.numpy(), _OUTSIDE))
        scale = (_RANGE[1] - _RANGE[0]) / (high - low) if high - low > 1e-4 else 0.0
        found.append((picture - (low + high) / 2).mul_(scale).add_(sum(_RANGE) / 2).clamp_(0, 255))
    return torch.stack(found)


def _padded(fields: Tensor) -> Tensor:
    """The border cells repeated, `_PAD` times and once more where windows would not fit in evenly."""
    extra = [(cells + 2 * _PAD - CELLS) % STEP for cells in fields.shape[2:]]
    return functional.pad(fields, (_PAD, _PAD + extra[1], _PAD, _PAD + extra[0]), mode="replicate")
