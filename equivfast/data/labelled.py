"""Labelled images for the question what a network recognises: training and test, from wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equivfast.data import _labelled_sources as sources
from equivfast.data.folders import _shown, read_image

# Decoded files are kept while they take less; beyond it they are read again when they are asked for.
_KEPT_BYTES = 1 << 30


class Images:
    """Images and their labels, one part of a set.

    Shapes     `images[i]` and each of `images.take(places)`: uint8 (h, w, 3); labels int64 (n,), numbers of classes

    >>> part = Images(np.zeros((2, 4, 4, 3), np.uint8), [0, 1], ["a", "b"])
    >>> len(part), part[1].shape, part.labels.tolist()
    (2, (4, 4, 3), [0, 1])
    """

    def __init__(
        self, pixels: NDArray[np.uint8] | Sequence[Path], labels: Iterable[int], names: Iterable[str]
    ) -> None:
        self._pixels = pixels
        self._decoded: dict[int, NDArray[np.uint8]] = {}
        self._bytes = 0
        self.labels = np.array(list(labels), dtype=np.int64)
        self.names = tuple(names)
        if not len(pixels) == len(self.labels) == len(self.names):
            counts = f"{len(pixels)}, {len(self.labels)} and {len(self.names)}"
            raise ValueError(f"Images: pixels, labels and names must be as many, got {counts}")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> NDArray[np.uint8]:
        if isinstance(self._pixels, np.ndarray):
            return np.asarray(self._pixels[place])
        place = range(len(self))[place]
        if place not in self._decoded:
            image = read_image(self._pixels[place])
            if self._bytes + image.nbytes > _KEPT_BYTES:
                return image
            self._bytes += image.nbytes
            self._decoded[place] = image
        return self._decoded[place]

    def take(self, places: Iterable[int]) -> list[NDArray[np.uint8]]:
        """Several of the images, in this order."""
        return [self[int(place)] for place in places]

    def part(self, places: Iterable[int]) -> Images:
        """Some of the images, as a part of their own."""
        kept = [int(place) for place in places]
        pixels = (
            self._pixels[kept] if isinstance(self._pixels, np.ndarray) else [self._pixels[k] for k in kept]
        )
        images = Images(pixels, self.labels[kept], [self.names[k] for k in kept])
        images._decoded = {new: self._decoded[old] for new, old in enumerate(kept) if old in self._decoded}
        images._bytes = sum(image.nbytes for image in images._decoded.values())
        return images

    @cached_property
    def fingerprint(self) -> str:
        """Short hash of all that a result can depend on: labels, names, and the pixels, or the files' size and date."""
        digest = hashlib.sha256(repr(self.names).encode() + self.labels.tobytes())
        if isinstance(self._pixels, np.ndarray):
            digest.update(np.ascontiguousarray(self._pixels).tobytes())
        else:
            for path in self._pixels:
                known = path.stat()
                digest.update(f"{known.st_size} {known.st_mtime_ns}".encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A set of labelled images in two parts, and (name, reason) of the files that could not be used."""

    name: str
    classes: tuple[str, ...]
    train: Images
    test: Images
    skipped: tuple[tuple[str, str], ...] = ()


def labelled(
    source: str | os.PathLike[str], *, test_share: float = 0.2, seed: int = 0, limit: int | None = None
) -> Labelled:
    """Labelled images from a folder, a table, an archive, or the package itself.

    Definition a folder of class folders, or of train/ and test/ (or val/) with class folders each: the sorted names are
               classes 0, 1, ...; a .csv with columns file, label and optionally split (train or test), paths relative
               to it, whole numbers as labels taken as they are; an .npz with x_train, y_train, x_test, y_test, or with
               images, labels and optionally split: (n, h, w), (n, h, w, 3) or (n, 3, h, w) uint8;
               "embedded:photographs": 32 x 32 crops of the twelve embedded photographs; "embedded:digits".
               Where nothing says which images are the test, a `test_share` of each class is, by a hash of the seed
               and the name. `limit`: at most so many images of each part, spread evenly over the classes.
               Files that cannot be decoded are left out and named in `skipped`, and so are copies: files with the
               pixels of one before them, which would be known to whoever learned from the training
    Cost       every file that counts is decoded once here, and kept up to 1 GiB a part; beyond it, again at each use
    Raises     ValueError for a source that is none of these, without images, of a single class, or with labels that do
               not fit

    >>> found = labelled("embedded:digits", limit=50)
    >>> found.classes[:3], len(found.train), found.test[0].shape
    (('0', '1', '2'), 50, (32, 32, 3))
    """
    if not 0 < test_share < 1:
        raise ValueError(f"labelled: test_share must lie between 0 and 1, got {test_share}")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise ValueError(f"labelled: limit must be a whole number of at least 1 or None, got {limit!r}")
    found = sources.read(source, test_share, seed)
    skipped = list(found.skipped)
    parts = []
    seen: dict[bytes, str] = {}
    for name, rows in (("train", found.train), ("test", found.test)):
        images = Images(rows.pixels, rows.labels, rows.names)
        images, failed = _usable(images, limit, seed, seen)
        skipped += failed
        if not len(images):
            reason = f" ({failed[0][0]}: {failed[0][1]})" if failed else ""
            raise ValueError(
                f"labelled: source must hold images to {name}, {_shown(source)} has none{reason}"
            )
        parts.append(images)
    train, test = parts
    if len(np.unique(train.labels)) < min(2, limit or 2):
        raise ValueError(f"labelled: source must hold at least 2 classes, {_shown(source)} has one")
    return Labelled(found.name, found.classes, train, test, tuple(sorted(skipped)))


def _usable(
    images: Images, limit: int | None, seed: int, seen: dict[bytes, str]
) -> tuple[Images, list[tuple[str, str]]]:
    """As many of the images as are wanted, and (name, reason) of files that were come upon and cannot be used."""
    failed: list[tuple[str, str]] = []
    paths = images._pixels

    def usable(place: int) -> bool:
        if isinstance(paths, np.ndarray):
            return True
        name = images.names[place]
        try:
            image = images[place]
        except ValueError as error:
            failed.append((name, str(error).partition(f"{_shown(paths[place])}: ")[2]))
            return False
        key = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        if seen.setdefault(key, name) is not name:
            failed.append((name, f"same pixels as {seen[key]}"))
            return False
        return True

    if limit is None or len(images) <= limit:
        kept = [place for place in range(len(images)) if usable(place)]
    else:
        kept = _spread(images.labels, limit, seed, usable)
    return (images if len(kept) == len(images) else images.part(kept)), failed


def _spread(labels: NDArray[np.int64], limit: int, seed: int, usable: Callable[[int], bool]) -> list[int]:
    """Places of usable images, at most so many, in order: the classes take turns until each has nothing left."""
    queues: dict[int, list[int]] = {}
    for place in np.random.default_rng(seed).permutation(len(labels)).tolist():
        queues.setdefault(int(labels[place]), []).append(place)
    turns = deque(filter(usable, queue) for queue in queues.values())
    kept: list[int] = []
    while turns and len(kept) < limit:
        turn = turns.popleft()
        place = next(turn, None)
        if place is not None:
            kept.append(place)
            turns.append(turn)
    return sorted(kept)
