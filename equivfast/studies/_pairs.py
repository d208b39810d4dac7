"""Pairs of fields phi(x), phi(g x), and the maps that are learned from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from equivfast import maps
from equivfast.groups import Grid, Transform
from equivfast.representations import HOG
from equivfast.studies._methods import Method
from equivfast.studies._windows import cells_needed, centred

_TUNING_SHARE = 0.2  # of the training windows, photographs at the end of the list
# With unlimited support the paper predicts 5 x 5 cells from 9 x 9: two more on each side.
_MARGIN_ALL = 2


@dataclass
class Pairs:
    """Training and held-out pairs x (n, d, S, S), y (n, d, F, F); `photo_of` numbers the held-out photographs."""

    g: Transform
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    phi: HOG
    photo_of: NDArray[np.int64]

    @property
    def source(self) -> Grid:
        return _grid(self.x_train, self.phi.cell)

    @property
    def target(self) -> Grid:
        return _grid(self.y_train, self.phi.cell)

    def cropped(self, field: int, support: int) -> Pairs:
        """The central field x field cells, and the source cells that a map of this support reads for them."""
        cells = cells_needed(self.g, field, self.phi.cell, support)
        cells = max(cells, field + 2 * _MARGIN_ALL)
        x, y = (self.x_train, self.x_test), (self.y_train, self.y_test)
        (x_train, x_test), (y_train, y_test) = (
            [centred(part, min(size, part.shape[-1])) for part in parts]
            for parts, size in ((x, cells), (y, field))
        )
        return Pairs(self.g, x_train, y_train, x_test, y_test, self.phi, self.photo_of)

    @cached_property
    def all_cells(self) -> Pairs:
        """The same targets and the source array of the unstructured maps."""
        return self.cropped(self.target.height, 1)

    def halves(self, support: int | None) -> tuple[maps.Statistics, maps.Statistics]:
        """Statistics to fit on and to choose lambda on: the list is cut once, at most one photograph is in both."""
        fit = max(2, round(len(self.x_train) * (1 - _TUNING_SHARE)))
        return self._statistics(slice(0, fit), support), self._statistics(slice(fit, None), support)

    def _statistics(self, part: slice, support: int | None) -> maps.Statistics:
        channels = (self.phi.channels, self.phi.channels)
        statistics = maps.Statistics(
            self.g, self.source, self.target, channels, kind="window", support=support
        )
        return statistics.update(self.x_train[part], self.y_train[part])


class Learner:
    """Learns one method after the other from the same statistics.

    `nonzeros`: the numbers of entries for which forward selection will be asked; one selection serves them all.
    """

    def __init__(self, pairs: Pairs, support: int, nonzeros: Sequence[int] = ()) -> None:
        self.pairs, self.support, self.nonzeros = pairs, support, nonzeros
        self._kept: dict[bool, tuple[maps.Statistics, maps.Statistics, maps.Statistics]] = {}
        self._selected: dict[tuple[int | None, int], tuple[maps.Map, float]] = {}

    def inputs(self, method: Method) -> Pairs:
        """The pairs whose x the method's map takes."""
        return self.pairs.all_cells if method.support is None else self.pairs

    def statistics(self, method: Method) -> tuple[maps.Statistics, maps.Statistics, maps.Statistics]:
        """(both, those to fit on, those to choose on) of the method's inputs."""
        unlimited = method.support is None
        if unlimited not in self._kept:
            halves = self.inputs(method).halves(None if unlimited else self.support)
            self._kept[unlimited] = (halves[0] + halves[1], *halves)
        return self._kept[unlimited]

    def learn(self, method: Method) -> tuple[maps.Map, float]:
        """The map, and the seconds its solution took (without the statistics, which the methods share)."""
        pairs, phi = self.inputs(method), self.pairs.phi
        grids: dict[str, Any] = {"kind": "window", "target": pairs.target}
        everything = None if method.role != "learned" else self.statistics(method)
        started = time.perf_counter()
        if method.solver == "identity":
            found = maps.identity(pairs.source, phi.channels, **grids)
        elif method.solver == "cells":
            found = maps.cells(pairs.g, pairs.source, phi.channels, **grids)
        elif everything is None:
            found = maps.permutation(pairs.g, pairs.source, phi.channel_action(pairs.g), **grids)
        elif method.solver == "ridge" and everything[2].count:
            both, fit, held_out = everything
            found = maps.ridge_path(fit, held_out, support=method.support, refit=both)
        elif method.nonzeros:
            return self._select(everything[0], method.support, method.nonzeros)
        else:
            found = maps.solve(everything[0], method.solver, support=method.support)
        return found, time.perf_counter() - started

    def _select(
        self, everything: maps.Statistics, support: int | None, nonzeros: int
    ) -> tuple[maps.Map, float]:
        """By forward selection; the seconds are those of the whole selection."""
        if (support, nonzeros) not in self._selected:
            counts, started = sorted({*self.nonzeros, nonzeros}), time.perf_counter()
            found = maps.forward_selection_path(everything, counts, support=support)
            seconds = time.perf_counter() - started
            self._selected |= {(support, k): (m, seconds) for k, m in zip(counts, found, strict=True)}
        return self._selected[support, nonzeros]

    def predict(self, m: maps.Map, method: Method) -> Tensor:
        """M phi(x) of the held-out windows."""
        predicted: Tensor = m(self.inputs(method).x_test)
        return predicted


def _grid(fields: Tensor, cell: int) -> Grid:
    return Grid.centred(fields.shape[2], fields.shape[3], cell)
