"""What a detector finds, and which of the finds are one and the same object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equivfast.groups import Transform


@dataclass(frozen=True)
class Detection:
    """One object in an image.

    Units      x, y: the middle of the example, in pixel indices of the image; scale: sizes in the image over sizes in
               the example; angle: degrees, counter-clockwise as seen, -180..180; score: see `PoseDetector.detect`
    Definition `pose` moves points of the example (pixels from its middle, x right, y down) to the image (pixels from
               (x, y)); scale and angle are those of the turn and scaling nearest to it. `size` is the example's width
               and height
    """

    x: float
    y: float
    scale: float
    angle: float
    score: float
    pose: Transform
    size: tuple[float, float]

    @classmethod
    def at(
        cls, place: NDArray[np.float64], pose: Transform, score: float, size: tuple[float, float]
    ) -> Detection:
        """The object whose middle lies at `place`."""
        linear = pose.linear
        scale = float(np.sqrt(abs(np.linalg.det(linear))))
        return cls(float(place[0]), float(place[1]), scale, angle_of(linear), float(score), pose, size)

    @property
    def corners(self) -> NDArray[np.float64]:
        """The example's corners in the image, (4, 2) of (x, y) in pixel indices, from the top left one clockwise."""
        half = np.array(self.size) / 2
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        return np.asarray(corners @ self.pose.linear.T + (self.x, self.y))


def angle_of(linear: NDArray[np.float64]) -> float:
    """Degrees, counter-clockwise, of the rotation nearest to a matrix (of a mirrored one: after an hflip)."""
    (a, b), (c, d) = linear
    sign = 1.0 if a * d - b * c > 0 else -1.0
    return float(np.degrees(np.arctan2(b - sign * c, sign * a + d)))


def distinct(found: Sequence[Detection], share: float) -> list[int]:
    """Which of the finds are objects of their own, the best first.

    Definition one whose middle lies nearer to a better one's than `share` of the smaller's shorter side is the same
    """
    kept: list[int] = []
    for k in sorted(range(len(found)), key=lambda k: -found[k].score):
        one, others = found[k], (found[j] for j in kept)
        if all(
            np.hypot(one.x - other.x, one.y - other.y) >= share * min(one.scale, other.scale) * min(one.size)
            for other in others
        ):
            kept.append(k)
    return kept
