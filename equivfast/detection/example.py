"""What is looked for, and how like it a piece of an image is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Example:
    """What is looked for: features of the upright example, less the background's mean, on a patch of working pixels.

    Shapes     deviation (d, rows, columns), of a patch of `pixels` (height, width); `scale`: working pixels over pixels
               of the example
    """

    deviation: torch.Tensor
    mean: torch.Tensor
    pixels: tuple[int, int]
    scale: float
    phi: Any
    cells: NDArray[np.int64]  # (n, 2) of (row, column): those that turns keep
    factor: Array  # `Background.factor` of these

    @cached_property
    def white(self) -> Array:
        """L^-1 of the example's own deviations, of length 1."""
        own = self._whitened(self.deviation[None])[0]
        return np.asarray(own / max(float(np.linalg.norm(own)), 1e-12))

    def similarity(self, patches: torch.Tensor) -> Array:
        """Cosine of each patch's features (n, c, height, width) with the example's, both less the mean; -1..1."""
        field = self.phi(patches) - self.mean[:, None, None]
        dots = (field * self.deviation).flatten(1).sum(1)
        lengths = field.flatten(1).norm(dim=1) * self.deviation.norm()
        found: Array = torch.where(lengths > 0, dots / lengths.clamp(min=1e-12), 0).double().numpy()
        return found

    def score(self, patches: torch.Tensor) -> Array:
        """As `similarity`, with what all photographs have in common taken off; -1..1.

        Definition the cosine of L^-1 a and L^-1 b, a and b the deviations of the example's and of a patch's features on
                   the cells that turns keep, L L^T their covariance on photographs
        """
        return self.score_of(self.phi(patches))

    def score_of(self, fields: torch.Tensor) -> Array:
        """:meth:`score` of fields (n, d, rows, columns)."""
        white = self._whitened(fields - self.mean[:, None, None])
        found: Array = white @ self.white / np.maximum(np.linalg.norm(white, axis=1), 1e-12)
        return found

    def _whitened(self, deviations: torch.Tensor) -> Array:
        """L^-1 of deviations (n, d, rows, columns) on the cells that turns keep, (n, cells d)."""
        values = deviations[:, :, self.cells[:, 0], self.cells[:, 1]].mT.flatten(1).double().numpy()
        return np.asarray(solve_triangular(self.factor, values.T, lower=True, check_finite=False).T)


def typical(name: str, example: Example, fields: torch.Tensor) -> float:
    """How like the mean of the others each of the examples is, in the middle of all; 1 for a single one."""
    if len(fields) == 1:
        return 1.0
    found = []
    for k in range(len(fields)):
        others = torch.cat([fields[:k], fields[k + 1 :]]).mean(0)
        against = replace(example, deviation=others - example.mean[:, None, None])
        found.append(float(against.score_of(fields[k : k + 1])[0]))
    middle = float(np.median(found))
    if middle <= 0:
        raise ValueError(f"{name}: examples must have something in common, got {len(fields)} that have not")
    return middle
