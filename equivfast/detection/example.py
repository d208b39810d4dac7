"""What is looked for, and how like it a piece of an image is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from equivfast.representations import HOG

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
    phi: HOG
    cells: NDArray[np.int64]  # (n, 2) of (row, column): those that turns keep
    factor: Array  # `Background.factor` of these

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
        deviations = fields - self.mean[:, None, None]
        rows = torch.cat([self.deviation[None], deviations])[:, :, self.cells[:, 0], self.cells[:, 1]]
        values = rows.mT.flatten(1).double().numpy()
        white = solve_triangular(self.factor, values.T, lower=True, check_finite=False).T
        lengths = np.linalg.norm(white, axis=1)
        found: Array = white[1:] @ white[0] / np.maximum(lengths[1:] * lengths[0], 1e-12)
        return found


def typical(name: str, example: Example, fields: torch.Tensor) -> float:
    """How like the mean of the others each of the examples is, in the middle of all; 1 for a single one."""
    if len(fields) == 1:
        return 1.0
    found = []
    for k in range(len(fields)):
        others = torch.cat([fields[:k], fields[k + 1 :]]).mean(0)
        found.append(
            float(
                replace(example, deviation=others - example.mean[:, None, None]).score_of(fields[k : k + 1])[
                    0
                ]
            )
        )
    middle = float(np.median(found))
    if middle <= 0:
        raise ValueError(f"{name}: examples must have something in common, got {len(fields)} that have not")
    return middle
