"""The search of an image: candidates of all scales, aligned and scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equivfast.detection.alignment import COARSE, FINE, Photo, aligned, scores
from equivfast.detection.crops import Layout
from equivfast.detection.example import Example
from equivfast.detection.found import Detection, distinct
from equivfast.detection.lattice import Lattice
from equivfast.detection.levels import Searched, searched
from equivfast.groups import affine
from equivfast.pose import PoseBank

Array = NDArray[np.float64]

APART = 0.5  # of the example's shorter side
_CANDIDATES = 16  # of each scale; more where the image has room for more
# Shares of the example's own score: below the first a window is no candidate, from the second on all are looked at, and
# of those between them the best few. Objects in clutter have .37 to 1, their median .70; backgrounds up to .45.
_CANDIDATE_SHARE, _SURE_SHARE = 0.3, 0.45
# Of 16 turned objects in four photographs a small network's search missed 4 with HOG's share, none with this one.
_CANDIDATE_SHARE_OF_OTHERS = 0.2
# A candidate that has less of the threshold before it is aligned, and half-way, is not followed. Objects in clutter
# have a score of .18 or more at once, half of the backgrounds have less.
_PROMISING = (0.5, 0.8)
_PER_OCTAVE = 6
_HALF_STEP = 2 ** (0.5 / _PER_OCTAVE)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Windows of the search, best first: places (n, 2) in the image's centred pixels, linear maps (n, 2, 2) from the
    example's pixels to the image's, and the object's size (n,) at the scale where each was found, in sizes of the
    example."""

    places: Array
    linears: Array
    sizes: Array

    def part(self, which: NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        return Candidates(self.places[which], self.linears[which], self.sizes[which])

    def shares(self, count: int) -> list[Candidates]:
        """All of them, dealt out to so many workers."""
        number = np.arange(len(self.sizes))
        return [self.part(number % count == k) for k in range(min(count, len(number)))]


def candidates(
    photo: Photo,
    bank: PoseBank,
    own: float,
    example: Example,
    layout: Layout,
    scales: tuple[float, float],
    most: int | None,
    lattice: Lattice | None = None,
) -> Candidates:
    """The best windows over all scales, apart from each other, for `most` objects or all that there is room for."""
    side = bank.templates.shape[2]
    # One cell more than the canvas reaches beyond the example: sides are no multiples of the cell.
    margin = (side - min(layout.rows, layout.columns)) // 2 + 1
    working = layout.scale / scales[1], layout.scale / scales[0]
    found: list[Detection] = []
    sizes: list[float] = []
    room = 0
    share = _CANDIDATE_SHARE if lattice is None else _CANDIDATE_SHARE_OF_OTHERS
    for level in searched(photo.planes, example.phi, working, _PER_OCTAVE, margin, side, lattice):
        room = max(room, level.grid.height * level.grid.width // (layout.rows * layout.columns))
        windows = _windows(level, bank, own, layout, _wanted(room, most), share * own)
        found += windows
        sizes += [layout.scale / level.scale] * len(windows)
    best = distinct(found, APART)[: _wanted(room, most)]
    best = [k for rank, k in enumerate(best) if rank < _CANDIDATES or found[k].score >= _SURE_SHARE]
    return Candidates(
        np.array([(found[k].x, found[k].y) for k in best]).reshape(-1, 2),
        np.array([found[k].pose.linear for k in best]).reshape(-1, 2, 2),
        np.array([sizes[k] for k in best]),
    )


def followed(
    found: Candidates,
    example: Example,
    photo: Photo,
    scales: tuple[float, float],
    stretched: bool,
    threshold: float,
) -> Candidates:
    """The candidates, aligned; without those that do not come near the threshold, and those that left the range of
    scales by more than half a step."""
    for share, rounds in zip(_PROMISING, (COARSE, FINE), strict=True):
        values = scores(example, photo, found.places, found.linears)
        found = found.part(values >= min(share * threshold, threshold))
        places, linears, _ = aligned(example, photo, found.places, found.linears, stretched, rounds)
        grown = np.sqrt(np.abs(np.linalg.det(linears) / np.linalg.det(found.linears)))
        found = Candidates(places, linears, found.sizes * grown)
    inside = (found.sizes >= scales[0] / _HALF_STEP) & (found.sizes <= scales[1] * _HALF_STEP)
    return found.part(inside)


def scored(
    found: Candidates, example: Example, photo: Photo, layout: Layout, threshold: float, typical: float
) -> list[Detection]:
    """Candidates with at least this score."""
    values = scores(example, photo, found.places, found.linears) / typical
    return [
        Detection.at(place + photo.corner, affine(linear), float(value), layout.size)
        for place, linear, value in zip(found.places, found.linears, values, strict=True)
        if value >= threshold
    ]


def _wanted(room: int, most: int | None) -> int:
    """How many candidates: some beyond what there is room for, or beyond what is asked for."""
    return _CANDIDATES + (room if most is None else min(room, 4 * most))


def _windows(
    level: Searched, bank: PoseBank, own: float, layout: Layout, count: int, least: float
) -> list[Detection]:
    """The best windows of a level, in the image's centred pixels; their scores are shares of the example's own."""
    best = bank.argmax(
        level.field,
        over="image",
        top_k=count,
        nms=max(1, min(layout.rows, layout.columns) // 3),
        threshold=least,
    )
    size = float(layout.scale / np.sqrt(level.scale_x * level.scale_y))
    side, found = bank.templates.shape[2], []
    for score, pose, y, x in zip(*(part[0].tolist() for part in best[:4]), strict=True):
        if pose >= 0 and bank.poses is not None:
            linear = affine(size * bank.poses[pose].linear)
            place = np.array(level.centre(y, x, side))
            found.append(Detection.at(place, linear, score / own, layout.size))
    return found
