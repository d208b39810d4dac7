"""Photographs that need no download: they lie inside the wheels of scikit-image and scikit-learn.

Natural scenes and objects: astronaut, camera, cat, coffee, coins, motorcycle (the left view of a stereo
pair; the right one shows the same motorcycle again and is left out), rocket, and scikit-learn's china and
flower (photographs by danielbuechele and vultilion, CC BY 2.0). Textures: brick, grass and gravel, which fill
the whole frame with edges of one, of all and of short directions. Drawings, scans, microscopy and pictures of
the sky in the same wheels are no natural photographs and are not offered.

The split is by name. Textures stand in training only, so that what is quoted was measured on natural scenes:
an animal, a building among trees, a flower before a blurred garden, and coins.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

import numpy as np

from equivfast.data.folders import Photograph, Split, read_image

_FILES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "brick": ("skimage", "data/brick.png"),
    "camera": ("skimage", "data/camera.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "coffee": ("skimage", "data/coffee.png"),
    "coins": ("skimage", "data/coins.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
}

NAMES = tuple(_FILES)

split = Split(
    train=("astronaut", "brick", "camera", "coffee", "grass", "gravel", "motorcycle", "rocket"),
    test=("cat", "china", "coins", "flower"),
)


def photographs(names: Iterable[str] | None = None) -> list[Photograph]:
    """The embedded photographs of these names, in this order; all twelve in alphabetical order by default.

    Units      uint8 RGB, 0..255; camera, coins and the textures are grey: three equal channels
    Raises     ValueError for a name that is not embedded, or a wheel that lacks the file
    >>> [(photo.name, photo.image.shape) for photo in photographs(["cat", "china"])]
    [('cat', (300, 451, 3)), ('china', (427, 640, 3))]
    """
    wanted = list(_FILES if names is None else names)
    for name in wanted:
        if name not in _FILES:
            raise ValueError(f"photographs: names must be among {', '.join(_FILES)}, got {name!r}")
    return [Photograph(name, _read(*_FILES[name])) for name in wanted]


def _read(package: str, inside: str) -> np.ndarray:
    with resources.as_file(resources.files(package).joinpath(inside)) as path:
        return read_image(path)
