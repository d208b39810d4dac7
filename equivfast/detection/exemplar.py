"""Templates of all poses from the features of one upright example: features are turned, never images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_solve

from equivfast.detection.background import Background
from equivfast.groups import Grid, Transform, affine, identity
from equivfast.maps import Map
from equivfast.pose import PoseBank
from equivfast.pose.turns import equal_step

Array = NDArray[np.float64]

# Cells of mean features around the canvas: as far as maps look beyond it.
_AROUND = 2
_HARMONICS, _FULL = 23, 1e-3


@dataclass(frozen=True)
class Shape:
    """A rectangle of rows x columns cells in the middle of a square canvas of side x side cells."""

    rows: int
    columns: int
    side: int

    @classmethod
    def around(cls, rows: int, columns: int, poses: Sequence[Transform]) -> Shape:
        """The canvas for a rectangle under these poses.

        Definition its inscribed circle holds what the longer side's circle becomes under the pose that enlarges most,
                   so that turns never lose a side's middle, and corners alone leave the canvas. rows, columns and side
                   are all odd or all even
        """
        largest = max(float(np.linalg.svd(g.linear, compute_uv=False)[0]) for g in poses)
        side = int(np.ceil(max(rows, columns) * max(largest, 1.0) - 1e-6))
        return cls(rows, columns, side + (side - rows) % 2)

    @property
    def cells(self) -> Array:
        """Centres of the canvas's cells in cells from its middle, (side, side, 2) of (x, y)."""
        return Grid.centred(self.side, self.side, 1).centres

    def seen(self, g: Transform) -> NDArray[np.bool_]:
        """(side, side): the cells whose centres come from the rectangle, in the canvas's circle."""
        before = affine(g.linear).inverse()(self.cells)
        inside = (np.abs(before) <= np.array([self.columns, self.rows]) / 2).all(-1)
        return np.asarray(inside & (np.hypot(*np.moveaxis(self.cells, -1, 0)) <= self.side / 2))

    @property
    def kept(self) -> NDArray[np.int64]:
        """Cells of the rectangle, (n, 2) of (row, column) in it, that no turn takes off the canvas."""
        down, along = self._corner
        return np.argwhere(self.seen(identity())[down : down + self.rows, along : along + self.columns])

    @property
    def _corner(self) -> tuple[int, int]:
        """Row and column of the rectangle's first cell on the canvas."""
        return (self.side - self.rows) // 2, (self.side - self.columns) // 2

    def placed(self, field: torch.Tensor) -> torch.Tensor:
        """A field (d, rows, columns) in the middle of the canvas, zeros around it."""
        down, along = self._corner
        return torch.nn.functional.pad(field, (along, along, down, down))


def exemplar_bank(
    field: torch.Tensor,
    shape: Shape,
    poses: Sequence[Transform],
    maps: Sequence[Map],
    background: Background,
    smooth: bool = True,
) -> tuple[PoseBank, float]:
    """The bank that finds what `field` shows under every pose, and the score of finding just that.

    Shapes     field (d, rows, columns) -> a bank of templates (g, d, side, side). `maps` are those of the poses
    Definition f_g = M_g f, the features that the pose is predicted to have; w_g = Sigma^-1 (f_g - mu), which tells
               them best from the background, over the cells that come from the example. The score (w_g, f - mu) /
               sqrt(w_g Sigma w_g), Sigma with its ridge, counts standard deviations of scores of windows of photographs
               `smooth`: without harmonics of the turn that HOG cannot have
    Source     Hariharan et al. 2012, for one example instead of a class; M_g of Lenc & Vedaldi 2015
    """
    # A map reads cells that the example does not show: the mean is the best guess for them.
    mean = torch.from_numpy(background.mean)[:, None, None].to(field)
    canvas = mean + shape.placed(field - mean)
    canvas = mean + torch.nn.functional.pad(canvas - mean, (_AROUND,) * 4)
    inner = slice(_AROUND, _AROUND + shape.side)
    seen = np.stack([shape.seen(g) for g in poses])
    cells = np.argwhere(seen.any(0))
    deviations = np.stack([_features(m(canvas)[:, inner, inner], background.mean, cells) for m in maps])
    visible = seen[:, cells[:, 0], cells[:, 1]]
    deviations *= visible[..., None]
    rows = deviations.reshape(len(poses), -1)
    factor = background.factor(cells)
    weights = cho_solve((factor, True), rows.T, check_finite=False).T.reshape(deviations.shape)
    weights = (_smooth(weights, poses) if smooth else weights) * visible[..., None]
    flat = weights.reshape(len(poses), -1)
    deviation = np.linalg.norm(flat @ factor, axis=1)
    weights /= deviation[:, None, None]
    templates = np.zeros((len(poses), len(field), shape.side, shape.side))
    templates[:, :, cells[:, 0], cells[:, 1]] = weights.swapaxes(1, 2)
    bias = -(weights @ background.mean).sum(1)
    own = float(np.median((weights * deviations).sum((1, 2))))
    return PoseBank(templates.astype(np.float32), bias.astype(np.float32), poses), own


def _smooth(weights: Array, poses: Sequence[Transform]) -> Array:
    """Weights of turns all around the circle, without what no turn of a template can have.

    The weights of cell and channel are periodic in the angle, and HOG of 8 cells is blind to harmonics beyond some
    twenty: what the maps, each learned by itself, have of them is noise. Without it 360 turns are combinations of 47
    templates and are searched in a fifth of the time.
    """
    step, turns = equal_step(poses), len(poses)
    if step is None or abs(step * turns - 360) > _FULL or turns <= 2 * _HARMONICS + 1:
        return weights
    waves = np.fft.rfft(weights, axis=0)
    waves[_HARMONICS + 1 :] = 0
    return np.asarray(np.fft.irfft(waves, turns, axis=0))


def _features(field: torch.Tensor, mean: Array, cells: NDArray[np.int64]) -> Array:
    """(n, d) of these cells, the mean taken off."""
    values = field.double().numpy()[:, cells[:, 0], cells[:, 1]].T
    return np.asarray(values - mean)
