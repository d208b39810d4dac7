"""Two tasks of classification that need no download: crops of the embedded photographs, and handwritten digits.

Both are small colour images of 32 x 32 pixels, as CIFAR's are, and divided into training and test once and for all:
the embedded nets have learned from the training side, whatever seed a later study takes.

A photograph is divided into about square tiles of some 80 pixels. One tile in five is held out, a knight's move from
the next, so that every part of the picture is near both sides. Test crops lie inside a tile that is held out; training
crops keep `GAP` pixels away from all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from equivfast.data.embedded import photographs

SIDE = 32
GAP = 8  # neighbouring pixels are alike: more than JPEG's blocks share, and the blur of any lens
EACH = {"train": 500, "test": 100}  # crops of one photograph
DIGITS = tuple("0123456789")

# Three sizes of what is seen, half an octave apart; the largest fits into the smallest tile (coins: 75 x 76).
_WINDOWS = (32, 45, 64)
_TILE = 80
_LEAST_CONTRAST = 12.0  # standard deviation in grey levels: below it a crop shows sky, paper or black cloth
_DIGITS_IN_TRAINING = 0.8

Box = tuple[int, int, int, int]
Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def held_out(height: int, width: int) -> list[Box]:
    """The tiles of a photograph that no training crop may see.

    Units      pixels: (left, top, right, bottom), right and bottom excluded
    Definition of rows x columns tiles, those with 2 row + column = 2 (mod 5)
    >>> held_out(303, 384)
    [(153, 0, 230, 75), (0, 75, 76, 151), (230, 151, 307, 227), (76, 227, 153, 303)]
    """
    rows, columns = (max(3, round(side / _TILE)) for side in (height, width))
    edges_y = [k * height // rows for k in range(rows + 1)]
    edges_x = [k * width // columns for k in range(columns + 1)]
    return [
        (edges_x[column], edges_y[row], edges_x[column + 1], edges_y[row + 1])
        for row in range(rows)
        for column in range(columns)
        if (2 * row + column) % 5 == 2
    ]


def crops(part: str, each: int | None = None, seed: int = 0) -> Arrays:
    """Crops of the twelve embedded photographs, and which photograph each comes from.

    Shapes     images (12 each, 32, 32, 3) uint8, labels (12 each,) in the order of `photographs()`; each is 500 for
               part "train" and 100 for "test" by default
    Definition windows of 32, 45 or 64 pixels, resized to 32 by Pillow's bicubic filter, which smooths where it
               shrinks and sees no pixel outside of the window. Size and place are drawn from the seed; crops whose
               grey values have a standard deviation below 12 are drawn again. Other seeds draw other crops of the
               same two areas.
    Raises     ValueError for another part, and for each below 1

    >>> images, labels = crops("test", each=2)
    >>> images.shape, labels[:4].tolist()
    ((24, 32, 32, 3), [0, 0, 1, 1])
    """
    if part not in EACH:
        raise ValueError(f"crops: part must be 'train' or 'test', got {part!r}")
    count = EACH[part] if each is None else each
    if count < 1:
        raise ValueError(f"crops: each must be at least 1, got {each}")
    found: list[NDArray[np.uint8]] = []
    for number, photo in enumerate(photographs()):
        # One stream of numbers a photograph and part: a longer list begins with the shorter one.
        random = np.random.default_rng([seed, number, sorted(EACH).index(part)])
        picture = Image.fromarray(photo.image)
        tiles = held_out(picture.height, picture.width)
        areas = tiles if part == "test" else [(0, 0, picture.width, picture.height)]
        wanted = len(found) + count
        while len(found) < wanted:
            box = _window(areas, random)
            if part == "train" and any(_near(box, tile) for tile in tiles):
                continue
            # Cut out first: with `box` the filter would look at pixels beyond it.
            crop = np.array(picture.crop(box).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            if crop.mean(axis=2).std() >= _LEAST_CONTRAST:
                found.append(crop)
    return np.stack(found), np.repeat(np.arange(len(found) // count), count)


def digits(part: str) -> Arrays:
    """The handwritten digits of scikit-learn, 8 x 8 grey pixels enlarged to 32 x 32 in three equal channels.

    Shapes     images (1438, 32, 32, 3) uint8 for part "train", (359, 32, 32, 3) for "test"; labels to match, 0..9
    Definition intensities 0..16 times 255/16, enlarged by Pillow's bicubic filter. The last fifth of the file is the
               test: it comes from other writers than most of what stands before
    Raises     ValueError for another part
    Source     the test half of Optical Recognition of Handwritten Digits, Alpaydin and Kaynak 1998

    >>> images, labels = digits("test")
    >>> images.shape, np.bincount(labels).tolist()
    ((359, 32, 32, 3), [35, 36, 34, 37, 37, 37, 37, 36, 33, 37])
    """
    if part not in EACH:
        raise ValueError(f"digits: part must be 'train' or 'test', got {part!r}")
    from sklearn.datasets import load_digits  # takes a second to import, and photographs do without

    small, labels = load_digits(return_X_y=True)
    first = round(_DIGITS_IN_TRAINING * len(labels))
    chosen = slice(None, first) if part == "train" else slice(first, None)
    grey = (small[chosen].reshape(-1, 8, 8) * (255 / 16)).astype(np.float32)
    large = [Image.fromarray(x).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for x in grey]
    values = np.stack([np.asarray(x) for x in large]).round().clip(0, 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, axis=3), labels[chosen].astype(np.int64)


def _window(areas: list[Box], random: np.random.Generator) -> Box:
    """A window of any size anywhere in one of the areas."""
    side = int(random.choice(_WINDOWS))
    left, top, right, bottom = areas[random.integers(len(areas))]
    x, y = int(random.integers(left, right - side + 1)), int(random.integers(top, bottom - side + 1))
    return x, y, x + side, y + side


def _near(box: Box, tile: Box) -> bool:
    """Whether a box comes nearer than the gap to a tile, or overlaps it."""
    (x0, y0, x1, y1), (left, top, right, bottom) = box, tile
    return x0 < right + GAP and x1 > left - GAP and y0 < bottom + GAP and y1 > top - GAP
