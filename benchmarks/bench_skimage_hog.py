"""equivfast.compat.skimage.hog against skimage.feature.hog; the contract is in README.md.

python benchmarks/bench_skimage_hog.py [--quick] [--threads 1 2] [--out FILE]
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import Any

import numpy as np
from bench_hog import Setting, photographs
from common import Case, Contestant, run
from numpy.typing import NDArray
from skimage.feature import hog as skimage_hog

from equivfast.compat.skimage import hog


def gray(dtype: str, quick: bool, scale: float = 1) -> NDArray[Any]:
    photo = photographs(Setting("gray", "", dtype="float64"), quick)[0]
    return (photo * scale).astype(dtype)


def rgb(width: int, height: int, quick: bool) -> NDArray[Any]:
    return photographs(Setting("rgb", "", width, height, colour=True, dtype="uint8"), quick)[0]


def case(name: str, about: str, image: NDArray[Any], **options: Any) -> Case:
    if image.ndim == 3:
        options["channel_axis"] = -1
    contestants = [
        Contestant("equivfast", lambda: hog(image, **options), ours=True),
        Contestant(
            "scikit-image (1 thread)", lambda: skimage_hog(image, **options), view=lambda result: result
        ),
    ]
    h, w = image.shape[:2]
    return Case(name, about, h * w / 1e6, "Mpix", image.nbytes, "read", contestants)


def cases(quick: bool, threads: int) -> Iterator[Case]:
    eight = gray("uint8", quick)
    unit = gray("float64", quick, 1 / 255)
    yield case("gray-uint8", "640x480, defaults", eight)
    yield case("gray-float32", "640x480 in 0..1, defaults", gray("float32", quick, 1 / 255))
    yield case("gray-float64", "640x480 in 0..1, defaults", unit)
    yield case("gray-int16", "640x480, defaults", gray("int16", quick))
    yield case("visualize-uint8", "640x480, features and picture", eight, visualize=True)
    yield case("visualize-float64", "640x480 in 0..1, features and picture", unit, visualize=True)
    yield case("sqrt-uint8", "640x480, root of the image first", eight, transform_sqrt=True)
    blocks_of_4 = {"orientations": 8, "pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
    yield case("blocks-of-4-uint8", "640x480, 8 bins, blocks of 2x2", eight, **blocks_of_4)
    yield case("blocks-of-4-float64", "640x480 in 0..1, 8 bins, blocks of 2x2", eight / 255, **blocks_of_4)
    for norm in ("L1", "L1-sqrt", "L2"):
        yield case(f"norm-{norm}", "640x480 uint8", eight, block_norm=norm)
    yield case("cell-16", "640x480 uint8, cells of 16 pixels", eight, pixels_per_cell=(16, 16))
    yield case("rgb-uint8", "640x480 RGB, defaults", rgb(640, 480, quick))
    yield case("rgb-1080p", "1920x1080 RGB uint8, defaults", rgb(1920, 1080, quick))
    yield case("call-64x64", "64x64 uint8: the cost of a call", np.ascontiguousarray(eight[:64, :64]))


if __name__ == "__main__":
    versions = {"scikit-image": metadata.version("scikit-image")}
    run("skimage_hog", __doc__.splitlines()[0], cases, versions)
