"""Learning maps of HOG against scikit-learn and NumPy; the contract is in README.md.

python benchmarks/bench_maps.py [--quick] [--threads 1 2] [--out FILE]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

import map_rivals as rivals
import numpy as np
import torch
from common import SEED, Case, Contestant, run
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import equivfast as ef

CELL, TARGET, NONZEROS, HELD_OUT, STRENGTH = 8, 5, 5, 0.2, 1e-3
Array = NDArray[np.float64]
Solution = rivals.Solution


@dataclass(frozen=True)
class Pairs:
    """phi(x) (n, 31, S, S) and phi(g x) (n, 31, 5, 5), float64, of photographs turned by 45 degrees."""

    x: Array
    y: Array

    @classmethod
    def cut(cls, names: tuple[str, ...], count: int, cells: int, seed: int) -> Pairs:
        g, photos, sides = ef.groups.rotation(45), ef.data.photographs(list(names)), (cells + 4, TARGET + 4)
        places = ef.data.windows(photos, count, sides[0] * CELL, seed, reach=sides[0] * CELL * 0.75)
        samplers = [ef.groups.Sampler(photo.image) for photo in photos]
        found = []
        for h, side in ((ef.groups.identity(), sides[0]), (g, sides[1])):
            images = [samplers[k].windows([centre], side * CELL, h) / 255 for k, centre in places]
            fields = ef.hog(torch.cat(images), cell=CELL, assignment="bilinear")
            found.append(fields[..., 2:-2, 2:-2].double().contiguous().numpy())
        return cls(*found)


class Problem:
    """What a case of one support is learned from and measured on; support None: all 9 x 9 cells."""

    def __init__(self, support: int | None, quick: bool) -> None:
        names, others = ef.data.split.train, ef.data.split.test
        cells = 9  # as in the paper
        train, test = (60, 30) if quick else (1000, 500)
        self.support = support
        self.train = Pairs.cut(names, train, cells, SEED)
        self.test = Pairs.cut(others, test, cells, SEED + 1)
        self.grids = tuple(ef.groups.Grid.centred(n, n, CELL) for n in (cells, TARGET))
        self.x, self.y = (part.reshape(train, -1) for part in (self.train.x, self.train.y))
        self.pieces = self._pieces(cells)

    def _pieces(self, cells: int) -> list[tuple[Array, Array]]:
        """Columns and rows of the regression of each target cell."""
        if self.support is None:
            return [(np.arange(self.x.shape[1]), np.arange(self.y.shape[1]))]
        near = ef.groups.neighbourhood(ef.groups.rotation(45), *self.grids, self.support)
        channels, targets = np.arange(31)[:, None], TARGET**2
        return [
            ((channels * cells**2 + seen[seen >= 0]).ravel(), (channels * targets + k).ravel())
            for k, seen in enumerate(near.reshape(targets, -1))
        ]

    def statistics(self, part: slice = slice(None)) -> ef.maps.Statistics:
        s = ef.maps.Statistics(
            ef.groups.rotation(45), *self.grids, (31, 31), kind="window", support=self.support
        )
        return s.update(self.train.x[part], self.train.y[part])

    def solve(self, method: str) -> ef.maps.Map:
        return ef.maps.solve(
            self.statistics(), method, support=self.support, nonzeros=NONZEROS, ridge=STRENGTH
        )

    def ridge_path(self) -> ef.maps.Map:
        cut = round(len(self.x) * (1 - HELD_OUT))
        parts = self.statistics(slice(0, cut)), self.statistics(slice(cut, None))
        return ef.maps.ridge_path(*parts, support=self.support)

    def rival(self, solver: rivals.Solver) -> Callable[[], list[Solution]]:
        def call() -> list[Solution]:
            return [solver(self.x[:, columns], self.y[:, rows]) for columns, rows in self.pieces]

        return call

    def predicted(self, result: Any) -> Array:
        """M phi(x) of the held-out windows, of a map, of rivals' solutions or of a matrix alone."""
        if isinstance(result, ef.maps.Map):
            return result(self.test.x).reshape(len(self.test.x), -1)
        x = self.test.x.reshape(len(self.test.x), -1)
        out = np.empty((len(x), self.y.shape[1]))
        for (weight, bias), (columns, rows) in zip(result, self.pieces, strict=True):
            out[:, rows] = x[:, columns] @ weight.T + bias
        return out

    def error(self, result: Any) -> float:
        predicted = self.predicted(result).reshape(self.test.y.shape)
        return float(ef.maps.hellinger(predicted, self.test.y).mean())

    def contestant(self, name: str, call: Callable[[], Any], work: str = "the same") -> Contestant:
        """A rival; another computation says how far off its map is on held-out photographs."""
        if work == "the same":
            return Contestant(name, call, view=self.predicted)
        return Contestant(name, call, work=f"{work}; error {self.error(call()):.4f}")

    def case(self, name: str, about: str, ours: Callable[[], Any], others: list[Contestant]) -> Case:
        size = f"{len(self.x)} windows, {self.x.shape[1]} -> {self.y.shape[1]}"
        where = f"{self.support} x {self.support} cells" if self.support else "all cells"
        text = f"{about}, {where}, {size}; error {self.error(ours()):.4f}"
        first = Contestant("equivfast", ours, ours=True, view=self.predicted)
        traffic = self.x.nbytes + self.y.nbytes
        return Case(name, text, 1.0, "maps", traffic, "read", [first, *others])


def selections(p: Problem) -> Iterator[Case]:
    """Forward selection from features, and from a Gram matrix that is there already."""
    pursuit = "orthogonal matching pursuit, which chooses by correlation"
    from_features = [
        p.contestant(
            "scikit-learn OrthogonalMatchingPursuit", p.rival(rivals.matching_pursuit(NONZEROS)), pursuit
        ),
        p.contestant("NumPy", p.rival(rivals.Selection(NONZEROS))),
    ]
    solve = partial(p.solve, "forward_selection")
    yield p.case("forward-selection", "k=5", solve, from_features)
    x, y = p.x - p.x.mean(0), p.y - p.y.mean(0)
    gram, cross, statistics = x.T @ x, x.T @ y, p.statistics()

    def rival(solver: Callable[[Array, Array], Array]) -> Callable[[], list[Solution]]:
        def call() -> list[Solution]:
            weight = solver(gram, cross)
            return [(weight, p.y.mean(0) - weight @ p.x.mean(0))]

        return call

    from_gram = [
        p.contestant(
            "scikit-learn orthogonal_mp_gram",
            rival(partial(rivals.matching_pursuit_of_gram, NONZEROS)),
            pursuit,
        ),
        p.contestant("NumPy", rival(rivals.Selection(NONZEROS).of_gram)),
    ]
    ours = partial(ef.maps.solve, statistics, "forward_selection", nonzeros=NONZEROS)
    yield p.case("forward-selection-gram", "k=5, sums computed beforehand", ours, from_gram)


def structured(quick: bool) -> Iterator[Case]:
    """One regression for each of 5 x 5 cells over its m x m neighbourhood."""
    for support in (1, 3, 5):
        p = Problem(support, quick)
        for name, method, solver in (
            ("scikit-learn LinearRegression", "least_squares", rivals.least_squares),
            ("scikit-learn Ridge", "ridge", rivals.ridge(STRENGTH)),
            ("NumPy", "forward_selection", rivals.Selection(NONZEROS)),
        ):
            rival = p.contestant(name, p.rival(solver))
            words = method.replace("_", " ") + (" k=5" if solver is rivals.Selection else "")
            yield p.case(f"{method.replace('_', '-')}-m{support}", words, partial(p.solve, method), [rival])


def cases(quick: bool, threads: int) -> Iterator[Case]:
    threadpool_limits(threads, user_api="blas")
    p = Problem(None, quick)
    path = rivals.ridge_by_held_out(ef.maps.RIDGE_STRENGTHS, HELD_OUT)
    others = [
        p.contestant("scikit-learn Ridge, once", p.rival(rivals.ridge(STRENGTH)), "one lambda, given"),
        p.contestant("scikit-learn Ridge, 20 times", p.rival(path)),
    ]
    yield p.case("ridge-path", "ridge, 20 lambdas and the best on held-out windows", p.ridge_path, others)
    yield from selections(p)
    yield from structured(quick)


if __name__ == "__main__":
    run("maps", __doc__.splitlines()[0], cases, {"scikit-learn": metadata.version("scikit-learn")})
