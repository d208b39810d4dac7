"""Heads that stand upright, to be turned: the embedded faces, or photographs with a box around each head.

What is asked of them is their pose, so each comes with a centre and a width, by which a window is cut that every
head fills alike, whatever the size of its photograph.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from equivfast.data.classes import faces
from equivfast.data.folders import SUFFIXES, read_image
from equivfast.groups import Transform, identity, scaling, window

WINDOW = 104  # 13 cells of 8 pixels, 25 embedded ones enlarged about fourfold
SHARE = 0.7  # of the window's width, which a head is wide
MIN_HEADS = 10
_LEAST_WIDTH = 8.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Heads:
    """Photographs, each with the centre and the width of a head in it.

    Shapes     images: n arrays (h, w) float32; centres (n, 2) of (x, y), widths (n,); names and groups: n each. Heads
               of one group come from one photograph and never stand on both sides of a split
    Units      intensities gray, 0..1; centres in pixel indices, widths in pixels
    Raises     ValueError for arrays that do not fit together, and for fewer than 10 heads

    >>> heads = face_heads()
    >>> len(heads), heads.names[0], heads.window(0).shape
    (100, 'face 0', (104, 104))
    """

    name: str
    images: tuple[NDArray[np.float32], ...]
    centres: NDArray[np.float64]
    widths: NDArray[np.float64]
    names: tuple[str, ...]
    groups: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        for part, shape in (("centres", (n, 2)), ("widths", (n,)), ("names", (n,)), ("groups", (n,))):
            if np.shape(getattr(self, part)) != shape:
                raise ValueError(f"Heads: {part} must be {shape}, got {np.shape(getattr(self, part))}")
        if not all(image.ndim == 2 for image in self.images):
            raise ValueError("Heads: images must be gray, (h, w), got another number of axes")
        if n < MIN_HEADS:
            first = (
                f" (skipped {len(self.skipped)}, first {': '.join(self.skipped[0])})" if self.skipped else ""
            )
            raise ValueError(f"Heads: {self.name} must have at least {MIN_HEADS} heads, got {n}{first}")
        if not (np.isfinite(self.widths).all() and self.widths.min() > 0):
            raise ValueError(f"Heads: widths must be above 0, got {self.widths.min()}")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of everything that a result can depend on."""
        digest = hashlib.sha256(repr((self.name, self.names)).encode())
        arrays: list[NDArray[Any]] = [*self.images, self.centres, self.widths, self.groups]
        for array in arrays:
            digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def window(self, i: int, g: Transform | None = None, size: int = WINDOW) -> NDArray[np.float32]:
        """The window around head i, transformed by g about its centre: (size, size), gray, 0..1.

        Definition the photograph is scaled until the head is 0.7 times as wide as the window; what g brings in at the
                   corners comes from the photograph, and beyond its border from its mirror image
        """
        placed = (identity() if g is None else g) @ scaling(SHARE * size / float(self.widths[i]))
        x, y = self.centres[i].tolist()
        patch, _ = window(self.images[i], (x, y), size, placed)
        return np.asarray(patch, np.float32)


def face_heads() -> Heads:
    """The 100 embedded faces of :func:`faces`, 25 x 25 pixels each, enlarged to 104.

    >>> heads = face_heads()
    >>> heads.images[0].shape, heads.centres[0].tolist(), round(float(heads.widths[0]), 6)
    ((104, 104), [51.5, 51.5], 72.8)
    """
    task = faces(WINDOW)
    images = tuple(image.astype(np.float32) for image in task.images[task.labels])
    n, middle = len(images), (WINDOW - 1) / 2
    names = tuple(f"face {k}" for k in range(n))
    widths = np.full(n, SHARE * WINDOW)
    return Heads("faces", images, np.full((n, 2), middle), widths, names, np.arange(n))


def boxed_heads(path: str | os.PathLike[str]) -> Heads:
    """The heads in a folder with images/ and, for each of them, the boxes around heads in xmls/ (Pascal VOC).

    Definition xmls/NAME.xml names the boxes of images/NAME.*: each object's bndbox with xmin, ymin, xmax and ymax in
               pixels, counted from the image's first one, is a head. Its centre is the box's, its width the longer
               side. What cannot be used is named in `skipped` with the reason: an unreadable file, an image without a
               box, the same pixels again, a box that lies outside its image or is below 8 pixels
    Raises     ValueError when a folder is missing, and for fewer than 10 heads
    """
    root = Path(path)
    for part in ("images", "xmls"):
        if not (root / part).is_dir():
            raise ValueError(
                f"boxed_heads: path must hold folders images and xmls, {root.name} has no {part}"
            )
    images: list[NDArray[np.float32]] = []
    boxes: list[Box] = []
    names: list[str] = []
    groups: list[int] = []
    skipped: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    files = (file for file in (root / "images").iterdir() if file.suffix.lower() in SUFFIXES)
    for number, file in enumerate(sorted(files)):
        try:
            image = _gray(file)
            found = _boxes(root / "xmls" / f"{file.stem}.xml", image.shape)
        except ValueError as error:
            skipped.append((file.name, str(error).removeprefix(f"read_image: cannot read {file}: ")))
            continue
        key = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        if key in seen:
            skipped.append((file.name, f"same pixels as {seen[key]}"))
            continue
        seen[key] = file.name
        for k, box in enumerate(found):
            images.append(image)
            boxes.append(box)
            names.append(file.stem if len(found) == 1 else f"{file.stem} {k + 1}")
            groups.append(number)
    left, top, right, bottom = np.array(boxes, np.float64).reshape(-1, 4).T
    centres = np.stack([(left + right) / 2, (top + bottom) / 2], 1)
    widths = np.maximum(right - left, bottom - top)
    return Heads(
        root.name, tuple(images), centres, widths, tuple(names), np.array(groups, np.int64), tuple(skipped)
    )


def _gray(file: Path) -> NDArray[np.float32]:
    image: NDArray[np.float32] = read_image(file).astype(np.float32).mean(2) / 255
    return image


def _boxes(file: Path, shape: tuple[int, ...]) -> list[Box]:
    """The boxes (left, top, right, bottom) of an xml file; ValueError says what is wrong with them."""
    try:
        objects = ElementTree.parse(file).getroot().iter("bndbox")
        boxes = [
            tuple(float(box.findtext(k, "")) for k in ("xmin", "ymin", "xmax", "ymax")) for box in objects
        ]
    except OSError as error:
        raise ValueError(f"no boxes: xmls/{file.name}: {error.strerror}") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"boxes that cannot be read: xmls/{file.name}: {error}") from error
    if not boxes:
        raise ValueError(f"no boxes: xmls/{file.name} holds none")
    height, width = shape[:2]
    for left, top, right, bottom in boxes:
        text = f"{left:g}, {top:g}, {right:g}, {bottom:g}"
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ValueError(f"box outside the image: {text} in {width} x {height} pixels")
        if max(right - left, bottom - top) < _LEAST_WIDTH:
            raise ValueError(f"box below {_LEAST_WIDTH:g} pixels: {text}")
    return [(left, top, right, bottom) for left, top, right, bottom in boxes]
