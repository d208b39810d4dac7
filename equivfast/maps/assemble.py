"""From the solutions of a map's regressions to its matrix and bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from torch import Tensor, nonzero

from equivfast.maps.matrix import SPARSE
from equivfast.maps.moments import Moments
from equivfast.maps.problem import Problem
from equivfast.maps.statistics import Statistics


class Assembly:
    """A map's matrix, filled block by block: an array, or coordinates where most entries are 0."""

    def __init__(self, shape: tuple[int, int], sparse: bool) -> None:
        self.shape, self.bias = shape, np.zeros(shape[0])
        self.dense: NDArray[np.float64] | None = None if sparse else np.zeros(shape)
        self.entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []

    def add(self, problem: Problem, block: Tensor) -> None:
        """The solutions (b, q, p) of regressions side by side, and the biases that belong to them."""
        rows, columns, moments = problem.rows.numpy(), problem.columns.numpy(), problem.moments
        predicted = (block @ moments.mean_x[..., None])[..., 0]
        self.bias[rows] = (moments.mean_y - predicted).cpu().numpy()
        if self.dense is not None:
            self.dense[rows[:, :, None], columns[:, None, :]] = block.cpu().numpy()
            return
        which, output, into = (part.cpu().numpy() for part in nonzero(block, as_tuple=True))
        values = block.cpu().numpy()[which, output, into]
        self.entries.append((rows[which, output], columns[which, into], values))

    @property
    def matrix(self) -> Any:
        if self.dense is not None:
            return self.dense
        rows, columns, values = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        return coo_array((values, (rows, columns)), shape=self.shape)


def assemble(
    statistics: Statistics,
    support: int | None,
    solver: Callable[[Moments], list[Tensor]],
    maps: int,
    sparse: bool,
) -> tuple[list[Assembly], int]:
    """The matrices and biases of the `maps` solutions that the solver gives, and the inputs of the largest
    regression. `sparse`: the solver leaves most of its inputs out."""
    c, d = statistics.channels
    source, target = statistics.source, statistics.target
    shape = (d * target.height * target.width, c * source.height * source.width)
    if statistics.kind == "shared":
        shape = (d, c * (support or statistics.support or 1) ** 2)
    found: list[Assembly] = []
    inputs = 0
    for problem in statistics.batches(support):
        if not found:
            entries = shape[0] * problem.columns.shape[1]
            found = [Assembly(shape, sparse or entries <= SPARSE * shape[0] * shape[1]) for _ in range(maps)]
        moments = problem.moments
        # A window cell that looks outside the array has no inputs, only a bias.
        blocks = solver(moments) if moments.inputs else [moments.xy.mT] * maps
        for assembly, block in zip(found, blocks, strict=True):
            assembly.add(problem, block)
        inputs = max(inputs, moments.inputs)
    return found, inputs
