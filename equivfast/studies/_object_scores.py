"""How good finds are: errors of pose, and precision and recall over all thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from equivfast.studies._object_scenes import Placed

# What counts as found exactly (pixels along each axis, degrees, share of the scale), and what counts as the object at
# all in clutter: coarse enough for methods that try poses in steps.
EXACT = (2.0, 5.0, 0.05)
SAME_PLACE, SAME_ANGLE, SAME_SCALE = 0.2, 15.0, 0.25  # of the object's size, degrees, share


class Found(Protocol):
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def angle(self) -> float: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class PoseError:
    """Of a find against what is there: pixels right and down, degrees, share of the scale."""

    dx: float
    dy: float
    degrees: float
    scale: float

    @classmethod
    def of(cls, found: Found, placed: Placed) -> PoseError:
        turn = (found.angle - placed.angle + 180) % 360 - 180
        return cls(found.x - placed.x, found.y - placed.y, turn, found.scale / placed.scale - 1)

    @property
    def exact(self) -> bool:
        pixels, degrees, share = EXACT
        near = max(abs(self.dx), abs(self.dy)) <= pixels
        return near and abs(self.degrees) <= degrees and abs(self.scale) <= share

    def same(self, size: float) -> bool:
        """Whether that is the object, `size` pixels wide in the scene, if not exactly."""
        near = float(np.hypot(self.dx, self.dy)) <= SAME_PLACE * size
        return near and abs(self.degrees) <= SAME_ANGLE and abs(self.scale) <= SAME_SCALE


def judged(found: Iterable[Found], placed: Sequence[Placed], pixels: int) -> list[tuple[float, bool]]:
    """(score, right) of each find, best first; an object that is found again counts as wrong."""
    left = list(placed)
    judgement = []
    for one in sorted(found, key=lambda one: -one.score):
        match = next((p for p in left if PoseError.of(one, p).same(p.scale * pixels)), None)
        if match is not None:
            left.remove(match)
        judgement.append((one.score, match is not None))
    return judgement


def precision_recall(judgements: Iterable[tuple[float, bool]], objects: int) -> dict[str, Any]:
    """Precision and recall at every threshold, and the average precision.

    Definition average precision: precision, made non-increasing in recall, averaged over recall 0..1 (the area below
               the curve as of PASCAL VOC 2010)
    """
    ordered = sorted(judgements, key=lambda one: -one[0])
    right = np.cumsum([hit for _, hit in ordered]) if ordered else np.zeros(0)
    ranks = np.arange(1, len(ordered) + 1)
    precision, recall = right / ranks, right / max(objects, 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return {
        "recall": recall.tolist(),
        "precision": precision.tolist(),
        "threshold": [score for score, _ in ordered],
        "average_precision": float((envelope * steps).sum()),
    }


def quantiles(values: NDArray[np.float64]) -> dict[str, float]:
    """Median and 90 % of absolute values."""
    middle, high = np.quantile(np.abs(values), [0.5, 0.9]).tolist() if len(values) else (0.0, 0.0)
    return {"median": middle, "most": high}
