"""Labelled images for the question what a network recognises: training and test, from wherever they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equivfast.data import _labelled_sources as sources
from equivfast.data.folders import read_image

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
        return Images(pixels, self.labels[kept], [self.names[k] for k in kept])

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
               Files are decoded once; those that cannot be are left out and named in `skipped`
    Raises     ValueError for a source that is none of these, without images, of a single class, or with labels that do
               not fit

    >>> found = labelled("embedded:digits", limit=50)
    >>> found.classes[:3], len(found.train), found.test[0].shape
    (('0', '1', '2'), 50, (32, 32, 3))
    """
    if not 0 < test_share < 1:
        raise ValueError(f"labelled: test_share must lie between 0 and 1, got {test_share}")
    if limit is not None and limit < 1:
        raise ValueError(f"labelled: limit must be at least 1 or None, got {limit}")
    found = sources.read(source, test_share, seed)
    skipped = list(found.skipped)
    parts = []
    for name, rows in (("train", found.train), ("test", found.test)):
        images = Images(rows.pixels, rows.labels, rows.names)
        if limit is not None:
            images = images.part(_spread(images.labels, limit, seed))
        images, failed = _readable(images)
        skipped += failed
        if not len(images):
            reason = f" ({failed[0][0]}: {failed[0][1]})" if failed else ""
            raise ValueError(
                f"labelled: source must hold images to {name}, {sources.shown(source)} has none{reason}"
            )
        parts.append(images)
    train, test = parts
    if len(np.unique(train.labels)) < 2:
        raise ValueError(f"labelled: source must hold at least 2 classes, {sources.shown(source)} has one")
    return Labelled(found.name, found.classes, train, test, tuple(sorted(skipped)))


def _readable(images: Images) -> tuple[Images, list[tuple[str, str]]]:
    """The images without those whose file cannot be decoded, and these with the reason."""
    if isinstance(images._pixels, np.ndarray):
        return images, []
    kept, failed = [], []
    for place, name in enumerate(images.names):
        try:
            _ = images[place]
            kept.append(place)
        except ValueError as error:
            failed.append((name, str(error).rsplit(": ", 1)[-1]))
    if not failed:
        return images, []
    return images.part(kept), failed


def _spread(labels: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """At most so many places, in order, class after class as even as can be."""
    if len(labels) <= limit:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    # The k-th image of every class comes before the (k + 1)-th of any.
    rank, seen = np.empty(len(labels), dtype=np.int64), dict.fromkeys(labels.tolist(), 0)
    for place in order:
        label = int(labels[place])
        rank[place], seen[label] = seen[label], seen[label] + 1
    chosen = order[np.argsort(rank[order], kind="stable")][:limit]
    return np.sort(chosen)
