"""Two classes of small square images, for the question whether a classifier survives a transformation.

`faces` needs no download: scikit-image's wheel holds 100 faces and 100 pieces of backgrounds from Labeled Faces in
the Wild, 25 x 25 grey pixels each. `two_classes` reads a folder.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from equivfast.data.folders import folder, split_by_name

# 19 cells of 8 pixels: the central 9 x 9 cells, turned by any angle, and their neighbourhoods find content.
PIXELS = 152
MIN_IMAGES = 20
MIN_GROUPS = 5
_MIN_PIXELS = 16
_FACES = 100


@dataclass(frozen=True, eq=False)
class TaskImages:
    """Square images of two classes, for learning and testing a classifier.

    Shapes     images (n, h, h) or (n, h, h, c); labels (n,) bool, True = positive; groups (n,) int: images of one group
               (of one person, of one photograph) never stand on both sides of a split
    Units      uint8 0..255, or floats 0..1
    Raises     ValueError for arrays that do not fit together, and for fewer than 20 images of a class

    >>> images = np.random.default_rng(0).random((40, 32, 32), dtype=np.float32)
    >>> task = TaskImages("noise", "even", "odd", images, np.arange(40) % 2 == 0, np.arange(40))
    >>> train, test = task.split(seed=0)
    >>> len(train), len(test), int(task.labels[test].sum())
    (20, 20, 10)
    """

    name: str
    positives: str
    negatives: str
    images: NDArray[np.uint8] | NDArray[np.floating]
    labels: NDArray[np.bool_]
    groups: NDArray[np.int64]
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        shape = self.images.shape
        if len(shape) not in (3, 4) or shape[1] != shape[2]:
            raise ValueError(f"TaskImages: images must be (n, h, h) or (n, h, h, c), got {shape}")
        for part in ("labels", "groups"):
            if getattr(self, part).shape != shape[:1]:
                raise ValueError(f"TaskImages: {part} must be {shape[:1]}, got {getattr(self, part).shape}")
        if self.labels.dtype != np.bool_:
            raise ValueError(f"TaskImages: labels must be bool, got {self.labels.dtype}")
        floats = self.images.dtype.kind == "f"
        if not floats and self.images.dtype != np.uint8:
            raise ValueError(f"TaskImages: images must be uint8 or floats, got {self.images.dtype}")
        if floats and not (self.images.size and self.images.min() >= 0 and self.images.max() <= 1):
            raise ValueError("TaskImages: images of floats must lie in 0..1, got other values")
        counts = int(self.labels.sum()), int((~self.labels).sum())
        if min(counts) < MIN_IMAGES:
            raise ValueError(
                f"TaskImages: {self.name} must have at least {MIN_IMAGES} images of each class, "
                f"got {counts[0]} positive, {counts[1]} negative"
            )

    @property
    def pixels(self) -> int:
        return int(self.images.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of everything that a result can depend on."""
        digest = hashlib.sha256(repr((self.name, self.images.shape, self.images.dtype.str)).encode())
        for array in (self.images, self.labels, self.groups):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def split(self, seed: int, test_share: float = 0.5) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices to learn from and to test on: whole groups, each class divided in the same proportion.

        Definition groups of positives, of negatives and of both are divided by themselves, as `split_by_name` does
        Raises     ValueError when fewer than 5 groups of a class stand on a side
        """
        names = {int(group): str(group) for group in np.unique(self.groups)}
        kinds = {name: frozenset(self.labels[self.groups == group]) for group, name in names.items()}
        held_out: set[str] = set()
        for kind in set(kinds.values()):
            alike = [name for name in kinds if kinds[name] == kind]
            if len(alike) > 1:
                held_out |= set(split_by_name(alike, test_share, seed).test)
        sides = set(kinds) - held_out, held_out
        fewest = min(sum(kind in kinds[name] for name in side) for side in sides for kind in (True, False))
        if fewest < MIN_GROUPS:
            raise ValueError(
                f"TaskImages.split: groups must be at least {MIN_GROUPS} of each class on each side, "
                f"got {fewest} of {len(kinds)} groups of {len(self.groups)} images"
            )
        tested = np.array([names[int(group)] in held_out for group in self.groups])
        return np.flatnonzero(~tested), np.flatnonzero(tested)


def faces(pixels: int = PIXELS) -> TaskImages:
    """100 faces and 100 pieces of backgrounds from Labeled Faces in the Wild, from scikit-image's wheel.

    Definition the 25 x 25 pixels are enlarged to `pixels` by Catmull-Rom cubics (Pillow's bicubic filter): smooth
               enough that HOG sees no pixel edges, and without the ripples that a longer filter leaves at contours.
               The values stay floats: rounded to 256 steps, the gentle slopes in between would turn into terraces.
    Raises     ValueError for a size below 16, or a wheel that lacks the file

    >>> task = faces(64)
    >>> task.images.shape, int(task.labels.sum())
    ((200, 64, 64), 100)
    """
    _check_pixels("faces", pixels)
    try:
        with resources.as_file(resources.files("skimage").joinpath("data/lfw_subset.npy")) as path:
            small = np.load(path)
    except OSError as error:
        raise ValueError(f"faces: scikit-image must hold data/lfw_subset.npy, got {error}") from error
    size = (pixels, pixels)
    large = [Image.fromarray(x).resize(size, Image.Resampling.BICUBIC) for x in small.astype(np.float32)]
    images = np.stack([np.asarray(x) for x in large]).clip(0, 1)
    labels = np.arange(len(images)) < _FACES
    return TaskImages("faces", "faces", "pieces of background", images, labels, np.arange(len(images)))


def two_classes(path: str | os.PathLike[str], pixels: int = PIXELS) -> TaskImages:
    """The images in the subfolders positive/ and negative/ of a folder, named after the folder.

    Definition of an image that is not square the central square is taken; each is resized to `pixels` (Pillow's
               bicubic filter, which smooths where it shrinks). What is classified is the middle: leave as much
               context again around the object as the object is wide, so that turning it brings in no border.
               Images in one subfolder of these (positive/ada/1.png, negative/ada/2.png) are one group, others stand
               alone. Files that cannot be used are named in `skipped` with the reason: damaged, a copy of another,
               or below 16 pixels.
    Raises     ValueError when a folder is missing or holds no image, and for fewer than 20 images of a class
    """
    _check_pixels("two_classes", pixels)
    root = Path(path)
    images: list[NDArray[np.uint8]] = []
    names: list[str] = []
    skipped: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    for kind in ("positive", "negative"):
        if not (root / kind).is_dir():
            raise ValueError(
                f"two_classes: path must hold folders positive and negative, {root.name} has no {kind}"
            )
        found = folder(root / kind)
        skipped += [(f"{kind}/{name}", reason) for name, reason in found.skipped]
        skipped += [(f"{kind}/{name}", "left unread: the memory allowed is full") for name in found.unread]
        for photo in found.photographs:
            name, key = f"{kind}/{photo.name}", _key(photo.image)
            height, width = photo.image.shape[:2]
            if min(height, width) < _MIN_PIXELS:
                skipped.append((name, f"{width}x{height} pixels, needs {_MIN_PIXELS}x{_MIN_PIXELS}"))
            elif key in seen:
                skipped.append((name, f"same pixels as {seen[key]}"))
            else:
                seen[key] = name
                names.append(name)
                images.append(_square(photo.image, pixels))
    labels = np.array([name.startswith("positive/") for name in names], dtype=bool)
    stack = np.stack(images) if images else np.zeros((0, pixels, pixels, 3), np.uint8)
    words = f"images in {root.name}/positive", f"images in {root.name}/negative"
    return TaskImages(root.name, *words, stack, labels, _groups(names), tuple(sorted(skipped)))


def _check_pixels(function: str, pixels: int) -> None:
    if not isinstance(pixels, int) or pixels < _MIN_PIXELS:
        raise ValueError(
            f"{function}: pixels must be a whole number of at least {_MIN_PIXELS}, got {pixels!r}"
        )


def _key(image: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def _square(image: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    picture = Image.fromarray(image).resize((pixels, pixels), Image.Resampling.BICUBIC, box=box)
    return np.asarray(picture)


def _groups(names: list[str]) -> NDArray[np.int64]:
    """A number for each subfolder of the class folders, and one for each image outside of any."""
    keys = ["/".join(name.split("/")[1:-1]) or f"/{name}" for name in names]
    order = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([order[key] for key in keys], dtype=np.int64)
