"""An object looked for by OpenCV: the example turned and scaled for matchTemplate, and LINE-MOD of opencv-contrib.

Both look for templates of all poses at one size of the image, and get the example's pixels and nothing else.

Their settings are those with the best average precision on scenes of another seed than those that are reported. For
matchTemplate: turns by 10 degrees. For LINE-MOD: turns by 5 degrees, 63 directions with gradients above 10, upright
squares without a mask. With a mask OpenCV takes directions from its border alone, as of bare objects before a camera:
of a piece of a photograph that says next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hog_rivals import opencv_module
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (h, w) or (h, w, 3)

ANGLES = {"matchTemplate": range(0, 360, 10), "LINE-MOD": range(0, 360, 5)}
PER_OCTAVE = 6  # scales of an octave, as the detector has them
APART = 0.5  # finds whose middles lie nearer, in sizes of the smaller one, are one object
BEST = 8  # places of a template
MOST = 64  # finds of an image

# LINE-MOD: weak and strong gradients, directions of a template, pixels that a direction spreads over on both levels.
_WEAK, _STRONG, _FEATURES, _SPREAD = 5.0, 10.0, 63, (4, 8)


@dataclass(frozen=True)
class Find:
    """Middle in pixel indices; sizes of the example; degrees, counter-clockwise; the score of the method."""

    x: float
    y: float
    scale: float
    angle: float
    score: float


@dataclass(frozen=True)
class Look:
    """The largest upright square inside what a pose makes of the example, and the scale and angle of the pose."""

    image: Image
    scale: float
    angle: float

    @property
    def middle(self) -> float:
        return (len(self.image) - 1) / 2


def absent(method: str) -> str | None:
    """Why a method cannot take part, or None."""
    cv2 = opencv_module()
    if cv2 is None:
        return "absent: needs opencv-contrib-python-headless<5"
    if method == "LINE-MOD" and not hasattr(cv2, "linemod"):
        return "absent: this OpenCV is without contrib; needs opencv-contrib-python-headless<5"
    return None


def steps(scales: tuple[float, float]) -> list[float]:
    """From the smallest scale to the largest, at least PER_OCTAVE in an octave."""
    smallest, largest = scales
    count = math.ceil(PER_OCTAVE * math.log2(largest / smallest) - 1e-9)
    return [float(s) for s in np.geomspace(smallest, largest, count + 1)]


def looks(crop: Image, angles: Iterable[float], scales: Sequence[float]) -> list[Look]:
    """A square crop under all poses."""
    return [_look(crop, angle, scale) for angle in angles for scale in scales]


def _look(crop: Image, angle: float, scale: float) -> Look:
    cv2, turn = opencv_module(), math.radians(angle)
    size = int(len(crop) * scale / (abs(math.cos(turn)) + abs(math.sin(turn))) + 1e-9)
    middle = (len(crop) - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, scale)
    matrix[:, 2] += (size - 1) / 2 - middle
    smooth = cv2.GaussianBlur(crop, (0, 0), 0.4 / scale) if scale < 0.9 else crop  # or the warp would alias
    return Look(cv2.warpAffine(smooth, matrix, (size, size), borderMode=cv2.BORDER_REFLECT), scale, angle)


def apart(found: Iterable[Find], side: float) -> list[Find]:
    """The best first, without those nearer to a better one than APART of the smaller one's size; at most MOST."""
    kept: list[Find] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(
            math.hypot(one.x - other.x, one.y - other.y) >= APART * side * min(one.scale, other.scale)
            for other in kept
        ):
            kept.append(one)
        if len(kept) == MOST:
            break
    return kept


class MatchTemplate:
    """OpenCV's matchTemplate, TM_CCOEFF_NORMED, with a template for each pose: the best places of each, then of all.

    Templates are shared among as many threads as OpenCV is set to use, since a call of matchTemplate uses one.
    """

    def __init__(self, crop: Image, angles: Iterable[float], scales: Sequence[float] = (1.0,)) -> None:
        self.cv2, self.side = opencv_module(), len(crop)
        self.looks = looks(crop, angles, scales)

    def detect(self, image: Image, least: float = 0.2) -> list[Find]:
        fitting = [look for look in self.looks if min(image.shape[:2]) >= len(look.image)]
        best, threads = partial(self._best, image, least), self.cv2.getNumThreads()
        if threads == 1:
            return apart((one for look in fitting for one in best(look)), self.side)
        with ThreadPoolExecutor(threads) as pool:
            return apart((one for found in pool.map(best, fitting) for one in found), self.side)

    def _best(self, image: Image, least: float, look: Look) -> list[Find]:
        cv2, found = self.cv2, []
        scores = cv2.matchTemplate(image, look.image, cv2.TM_CCOEFF_NORMED)
        reach = int(APART * self.side * look.scale)
        for _ in range(BEST):
            _, score, _, (x, y) = cv2.minMaxLoc(scores)
            if score < least:
                break
            found.append(Find(x + look.middle, y + look.middle, look.scale, look.angle, float(score)))
            scores[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = -1
        return found


class LineMod:
    """LINE-MOD by gradients of colour alone: quantised directions of each pose, on two levels."""

    def __init__(self, crop: Image, angles: Iterable[float], scales: Sequence[float] = (1.0,)) -> None:
        self.cv2, self.side = opencv_module(), len(crop)
        linemod = self.cv2.linemod
        modality = linemod.ColorGradient_create(_WEAK, _FEATURES, _STRONG)
        self.detector = linemod.Detector([modality], list(_SPREAD))
        self.poses: list[tuple[float, float, float, float]] = []
        for look in looks(crop, angles, scales):
            number, (left, top, _, _) = self.detector.addTemplate([_colour(look.image)], "object", None)
            if number >= 0:  # or there are too few strong gradients
                self.poses.append((look.middle - left, look.middle - top, look.scale, look.angle))

    def detect(self, image: Image, least: float = 0.6) -> list[Find]:
        if not self.poses:
            return []
        matches, _ = self.detector.match([self.prepared(image)], 100 * least)
        found = []
        for m in matches:
            x, y, scale, angle = self.poses[m.template_id]
            found.append(Find(m.x + x, m.y + y, scale, angle, m.similarity / 100))
        return apart(found, self.side)

    def prepared(self, image: Image) -> Image:
        """In colour, its sides multiples of what both levels need; OpenCV 4.14 crashes where rows of the smaller
        level are no multiple of 16 pixels."""
        unit = math.lcm(32, _SPREAD[0], 2 * _SPREAD[1])
        down, right = (-side % unit for side in image.shape[:2])
        border = self.cv2.BORDER_REPLICATE
        padded: Any = self.cv2.copyMakeBorder(_colour(image), 0, down, 0, right, border)
        return np.asarray(padded)


def _colour(image: Image) -> Image:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
