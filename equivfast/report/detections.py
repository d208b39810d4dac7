"""Finds drawn on the image: an outline, its upper side marked, and the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Colours that people who confuse red and green tell apart (Okabe & Ito), on a dark rim that keeps them legible.
COLOURS = ("#f0e442", "#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#ffffff")
_RIM = "#111111"


class Found(Protocol):
    """What is drawn of a find."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def corners(self) -> NDArray[np.float64]: ...


def detections_picture(
    image: Any,
    found: Sequence[Found],
    example: Any = None,
    *,
    expected: Sequence[NDArray[np.float64]] = (),
    least: int = 480,
) -> NDArray[np.uint8]:
    """The image with what was found in it, and the example that was looked for at its upper left edge.

    Shapes     image (h, w) or (h, w, 3), uint8 or floats -> uint8 (h', w', 3): small ones are enlarged by whole
               factors until their longer side has `least` pixels. example: another image, or None. expected: corners,
               each (4, 2), of what should have been found
    Units      floats 0..255; those of an image in which none is above 1 are taken as 0..1
    Definition each find has its corners' outline, a double line along the side that is the example's upper one, a dot
               in its middle and its score, the first in yellow; what is expected has a dotted
               white outline
    Raises     ValueError for images of another shape, without pixels, or with NaN or infinity
    """
    photo = _rgb(image)
    factor = max(1, -(-least // max(photo.size)))
    photo = photo.resize((photo.width * factor, photo.height * factor), Image.Resampling.BICUBIC)
    pen = max(2, round(max(photo.size) / 400))
    canvas = ImageDraw.Draw(photo)
    font = ImageFont.load_default(size=max(12, 6 * pen))
    for corners in expected:
        _dotted(canvas, (np.asarray(corners) + 0.5) * factor - 0.5, pen)
    # Drawn from the last to the best, which stays on top.
    for k, one in reversed(list(enumerate(found))):
        colour = COLOURS[k % len(COLOURS)]
        corners = (np.asarray(one.corners) + 0.5) * factor - 0.5
        middle = ((one.x + 0.5) * factor - 0.5, (one.y + 0.5) * factor - 0.5)
        _outline(canvas, corners, colour, pen)
        _dot(canvas, middle, colour, pen)
        lowest = corners[corners[:, 1].argmax()]
        _label(
            canvas, photo, (float(lowest[0]), float(lowest[1]) + 2 * pen), f"{one.score:.2f}", colour, font
        )
    return np.asarray(photo if example is None else _beside(photo, _rgb(example), factor, pen), np.uint8)


def _rgb(image: Any) -> Image.Image:
    values = np.asarray(image)
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3):
        raise ValueError(f"detections_picture: images must be (h, w) or (h, w, 3), got {values.shape}")
    if not values.size:
        raise ValueError(f"detections_picture: images must have pixels, got {values.shape}")
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"detections_picture: images must be finite, got NaN or infinity in {values.shape}")
    if values.dtype.kind == "f" and numbers.max() <= 1:
        numbers *= 255
    grey = np.clip(np.round(numbers), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _outline(canvas: ImageDraw.ImageDraw, corners: NDArray[np.float64], colour: str, pen: int) -> None:
    ring = [tuple(corner) for corner in (*corners, corners[0], corners[1])]
    canvas.line(ring, fill=_RIM, width=2 * pen + 2, joint="curve")
    canvas.line(ring, fill=colour, width=pen, joint="curve")
    # A second line inside the upper side tells how the example stands.
    down = (corners[3] - corners[0]) / max(float(np.hypot(*(corners[3] - corners[0]))), 1e-6)
    upper = [tuple(corner + down * 3 * pen) for corner in corners[:2]]
    canvas.line(upper, fill=_RIM, width=2 * pen + 2)
    canvas.line(upper, fill=colour, width=pen)


def _dotted(canvas: ImageDraw.ImageDraw, corners: NDArray[np.float64], pen: int) -> None:
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        count = max(2, int(np.hypot(*(end - start)) / (4 * pen)))
        for x, y in (start + (end - start) * k / count for k in range(count)):
            canvas.ellipse((x - pen - 1, y - pen - 1, x + pen + 1, y + pen + 1), fill=_RIM)
            canvas.ellipse((x - pen / 1.5, y - pen / 1.5, x + pen / 1.5, y + pen / 1.5), fill="white")


def _dot(canvas: ImageDraw.ImageDraw, middle: tuple[float, float], colour: str, pen: int) -> None:
    for radius, fill in ((2 * pen + 1, _RIM), (1.5 * pen, colour)):
        x, y = middle
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _label(
    canvas: ImageDraw.ImageDraw,
    photo: Image.Image,
    at: tuple[float, float],
    words: str,
    colour: str,
    font: Any,
) -> None:
    """Words below a point, moved so that they stay in the picture."""
    left, top, right, bottom = canvas.textbbox((0, 0), words, font=font)
    width, height = right - left + 6, bottom - top + 6
    x = min(max(at[0] - width / 2, 0), max(photo.width - width, 0))
    y = min(max(at[1], 0), max(photo.height - height, 0))
    canvas.rectangle((x, y, x + width, y + height), fill=_RIM)
    canvas.text((x + 3 - left, y + 3 - top), words, fill=colour, font=font)


def _beside(photo: Image.Image, example: Image.Image, factor: int, pen: int) -> Image.Image:
    """The example, as large as in the image, in a column of its own at the left."""
    shrink = min(1.0, 0.35 * photo.width / (example.width * factor), photo.height / (example.height * factor))
    size = (max(1, round(example.width * factor * shrink)), max(1, round(example.height * factor * shrink)))
    gap = 6 * pen
    whole = Image.new("RGB", (size[0] + gap + photo.width, photo.height), "white")
    whole.paste(example.resize(size, Image.Resampling.BICUBIC), (0, 0))
    whole.paste(photo, (size[0] + gap, 0))
    return whole
