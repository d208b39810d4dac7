"""Photographs from a folder, read so that one bad file never ends a study.

Whatever the file holds, a photograph is uint8 RGB (h, w, 3): turned upright as its EXIF tag says, palettes
looked up, transparency laid on white, CMYK converted, 16-bit grey divided by 257. Files of other suffixes,
hidden files and linked folders are passed over; a file that should be an image and cannot be read is returned
by name with the reason, and so is one whose pixels were read before under another name (a copy on both sides
of a split would make held-out photographs known).
"""

from __future__ import annotations

import hashlib
import os
import random
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm", ".jp2"]
)


@dataclass(frozen=True, eq=False)
class Photograph:
    """A named picture: `image` is uint8 RGB (h, w, 3)."""

    name: str
    image: np.ndarray


@dataclass(frozen=True)
class Folder:
    """What a folder held: photographs in the order of their names, (name, reason) of files that could not be
    used, and the names left unread because the photographs before them filled the memory allowed."""

    photographs: tuple[Photograph, ...]
    skipped: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """One image file as uint8 RGB (h, w, 3).

    Units      0..255; 16-bit grey is divided by 257, transparency is laid on white
    Raises     ValueError, one line with the path: not there, not an image, truncated, too many pixels
    """
    try:
        return _decode(path)
    # Decoders raise whatever a damaged file leads them to: struct.error, zlib.error, SyntaxError, ...
    except Exception as error:
        raise ValueError(f"read_image: cannot read {_shown(path)}: {_reason(error)}") from error


def folder(path: str | os.PathLike[str], max_bytes: int = 2 << 30) -> Folder:
    """The photographs in a folder and its subfolders, named by their path inside it.

    Units      max_bytes: memory for decoded photographs. Of a folder that holds more a sample is read, in a
               random order fixed by the names, until the memory is filled; the others are named in `unread`
    Raises     ValueError when the folder is missing, is a file, or holds no readable image
    """
    root = Path(path)
    if not root.exists():
        raise ValueError(f"folder: path must be a folder with images, {_shown(root)} does not exist")
    if not root.is_dir():
        raise ValueError(f"folder: path must be a folder with images, {_shown(root)} is not a folder")
    names, skipped = _listing(root)
    if not names:
        reason = (
            f" ({skipped[0][0]}: {skipped[0][1]})"
            if skipped
            else f" (looked for {' '.join(sorted(SUFFIXES))})"
        )
        raise ValueError(f"folder: path must hold images, {_shown(root)} has none{reason}")

    order = sorted(names)
    random.Random(0).shuffle(order)
    photographs: dict[str, Photograph] = {}
    seen: dict[bytes, str] = {}
    used = 0
    read = 0
    for name in order:
        if used >= max_bytes:
            break
        read += 1
        try:
            image = _decode(names[name])
        except Exception as error:
            skipped.append((name, _reason(error)))
            continue
        key = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
        if key in seen:
            skipped.append((name, f"same pixels as {seen[key]}"))
            continue
        seen[key] = name
        photographs[name] = Photograph(name, image)
        used += image.nbytes
    if not photographs:
        first, reason = skipped[0]
        raise ValueError(
            f"folder: path must hold a readable image, {_shown(root)} has none"
            f" ({len(skipped)} unreadable, first {first}: {reason})"
        )
    ordered = tuple(photographs[name] for name in sorted(photographs))
    return Folder(ordered, tuple(sorted(skipped)), tuple(sorted(order[read:])))


class Split(NamedTuple):
    """Names of the photographs to learn from and of those to measure on."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def split_by_name(names: Sequence[str], test_share: float = 1 / 3, seed: int = 0) -> Split:
    """Names divided into training and test; the same names give the same division.

    Definition names are ranked by sha256(seed, name); the first round(test_share n), at least one and at most
               n - 1, are the test. Their order has no influence, and each side keeps it.
    Raises     ValueError for fewer than two names, a name that comes twice, test_share outside (0, 1)
    >>> split_by_name(["a", "b", "c", "d"], test_share=0.25)
    Split(train=('a', 'b', 'd'), test=('c',))
    """
    if not 0 < test_share < 1:
        raise ValueError(f"split_by_name: test_share must lie between 0 and 1, got {test_share}")
    if len(names) < 2:
        raise ValueError(f"split_by_name: names must be at least 2 to be divided, got {len(names)}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"split_by_name: names must differ, got {twice[0]!r} twice")
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    held_out = set(ranked[: min(max(round(test_share * len(names)), 1), len(names) - 1)])
    return Split(
        train=tuple(name for name in names if name not in held_out),
        test=tuple(name for name in names if name in held_out),
    )


def _listing(root: Path) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Image files under root by printable name, and the subfolders that may not be listed."""
    names: dict[str, Path] = {}
    failed: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        where = os.path.relpath(error.filename, root) if error.filename else str(root)
        failed.append((_shown(where), _reason(error)))

    for parent, folders, files in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            path = Path(parent, file)
            if path.suffix.lower() in SUFFIXES and not file.startswith("."):
                names[_shown(path.relative_to(root).as_posix())] = path
    return names, failed


def _decode(path: str | os.PathLike[str]) -> np.ndarray:
    """The file's first frame as uint8 RGB; any exception means that it cannot be had."""
    with warnings.catch_warnings():
        # Pillow warns from 89 million pixels on and refuses twice that: refused here from the warning on.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as opened:
            opened.load()
            return _rgb(ImageOps.exif_transpose(opened))


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16-bit grey at 255 instead of scaling it.
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("32-bit grey without a known intensity range")
        grey = np.round(values / 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise ValueError("floating-point grey without a known intensity range")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.array(image.convert("RGB"))


def _reason(error: Exception) -> str:
    """One line that says what is wrong with a file, without its path."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image that can be decoded, or cut off within its header"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return text if text else type(error).__name__


def _shown(path: str | os.PathLike[str]) -> str:
    """A path that any UTF-8 page or terminal can show: undecodable bytes become the replacement character."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
