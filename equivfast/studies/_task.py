"""Does a classifier learned on upright images survive a transformation, when its features are mapped back?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import maps
from equivfast.data import TaskImages
from equivfast.groups import Grid, Transform, identity, rotation, scaling
from equivfast.representations import HOG
from equivfast.studies._run import Progress, silent
from equivfast.studies._task_images import (
    Classifier,
    accuracy,
    fields_of,
    largest_field,
)
from equivfast.studies._windows import cells_needed, centred

NO_MAP, MOVED, BACK = METHODS = ("no map", "cells moved", "mapped back")
# As many cells as the largest field that the default size of `data.faces` and `data.two_classes` fills.
_MAX_FIELD = 9
_SUPPORT = 3
_NONZEROS = 5


class Generic(Protocol):
    """(phi(g x) on source x source cells, phi(x) on target x target cells) of generic photographs' windows."""

    def __call__(
        self, g: Transform, source_cells: int, target_cells: int, /
    ) -> tuple[torch.Tensor, torch.Tensor]: ...


@dataclass(frozen=True)
class TaskCheck:
    """Accuracy of a linear SVM, learned on upright HOG, on transformed held-out images.

    Definition "no map": phi(g x) classified as it is. "cells moved": its cells moved by g^-1, channels left alone.
               "mapped back": M' phi(g x), M' the map of g^-1 by forward selection (5 non-zeros per row, 3 x 3
               neighbourhood), learned on `generic` pairs phi(g x) -> phi(x), never on images of the task.
               The central `field` x `field` cells are classified: by default the largest odd number, at most 9, such
               that all that M' reads under any rotation lies in the image. Beyond the image, which only scalings and
               the controls look at, stands its mirror image.
    Units      accuracies 0..1, the mean of both classes', so that chance is 1/2; 90 % intervals, groups of test images
               drawn with replacement
    """

    images: TaskImages
    phi: HOG
    generic: Generic
    seed: int = 0
    progress: Progress = silent
    field: int | None = None

    @cached_property
    def cells(self) -> int:
        if self.field is None:
            return min(_MAX_FIELD, largest_field(self.images.pixels, self.phi.cell, _SUPPORT))
        if self.field < 1 or self.field % 2 == 0:
            raise ValueError(f"TaskCheck: field must be an odd number of cells, got {self.field}")
        return self.field

    @cached_property
    def sides(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.images.split(self.seed)

    @cached_property
    def classifier(self) -> Classifier:
        train, images = self.sides[0], self.images
        fields = fields_of(images, train, self.phi, identity(), self.cells)
        return Classifier.learn(fields, images.labels[train], images.groups[train], self.seed)

    def run(
        self,
        degrees: Sequence[float],
        factors: Sequence[float],
        get: Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]],
    ) -> dict[str, Any]:
        """The curves over angle and scale; `get(name, compute)` keeps each point, or knows it already."""
        transforms = [*map(rotation, degrees), *map(scaling, factors)]
        prefix, stage = f"task-{self.images.fingerprint}-{self.cells}", f"task {self.images.name}"
        points = []
        upright = get(f"{prefix}-upright", self.upright)
        for done, g in enumerate(transforms, 1):
            points.append(get(f"{prefix}-{g.name}", partial(self.point, g)))
            self.progress(stage, done, len(transforms))
        turns, scales = points[: len(degrees)], points[len(degrees) :]
        return {
            "name": self.images.name,
            "positives": self.images.positives,
            "negatives": self.images.negatives,
            "train": len(self.sides[0]),
            "test": len(self.sides[1]),
            "field": [self.cells, self.cells],
            "method": f"forward selection k={_NONZEROS} m={_SUPPORT}",
            "upright": upright["accuracy"],
            "curves": {
                "rotation": {"degrees": list(degrees), **_series(turns)},
                "scale": {"factors": list(factors), **_series(scales)},
            },
        }

    def upright(self) -> dict[str, Any]:
        """Accuracy on held-out images as they are."""
        return {"accuracy": self._accuracy(self._fields(identity(), self.cells))}

    def point(self, g: Transform) -> dict[str, Any]:
        """Accuracy of each method on held-out images under g."""
        back, step = g.inverse(), self.phi.cell
        reads = cells_needed(back, self.cells, step, _SUPPORT)
        source, target = Grid.centred(reads, reads, step), Grid.centred(self.cells, self.cells, step)
        moved = maps.cells(back, source, self.phi.channels, kind="window", target=target)
        mapped = maps.fit_pairs(
            [self.generic(g, reads, self.cells)],
            back,
            source,
            target,
            "forward_selection",
            kind="window",
            support=_SUPPORT,
            nonzeros=_NONZEROS,
        )
        wide = self._fields(g, max(reads, self.cells))
        field = centred(wide, reads)
        return {
            NO_MAP: self._accuracy(centred(wide, self.cells)),
            MOVED: self._accuracy(moved(field)),
            BACK: self._accuracy(mapped(field)),
        }

    def _fields(self, g: Transform, cells: int) -> torch.Tensor:
        return fields_of(self.images, self.sides[1], self.phi, g, cells)

    def _accuracy(self, fields: torch.Tensor) -> dict[str, float]:
        test = self.sides[1]
        labels = self.images.labels[test]
        return accuracy(self.classifier(fields) == labels, labels, self.images.groups[test], self.seed)


def _series(points: list[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    parts = {"series": "mean", "low": "low", "high": "high"}
    return {part: {m: [point[m][key] for point in points] for m in METHODS} for part, key in parts.items()}
