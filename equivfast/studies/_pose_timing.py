"""What a pose costs, from pixels: a bank on HOG once described, against warping the image for every pose."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.groups import Transform
from equivfast.maps.workers import apart
from equivfast.pose.joint import warped_features
from equivfast.pose.regressor import PoseRegressor

OURS, OWN, OPENCV = (
    "equivariant, features transformed",
    "warp + ef.hog",
    "warp + OpenCV HOGDescriptor",
)
_ROUNDS = 5


def timing(model: PoseRegressor, images: NDArray[np.float32]) -> dict[str, Any]:
    """Microseconds for each pose and image, the median of rounds in which all ways take turns, on one thread.

    Definition every way starts with pixels and ends with the best pose of each image. Ours puts on the disc, describes
               each image once and asks the bank; the second warps the images by the inverse of every pose, all at once
               and as fast as this library can, puts on the disc, describes them and multiplies with the weights. One
               round before the others is not counted
    """
    ways: dict[str, Callable[[], object]] = {
        OURS: lambda: _bank(model, images),
        OWN: lambda: _warped(model, images),
    }
    cv2 = _opencv()
    if cv2 is not None:
        descriptors = OpenCV(cv2, images.shape[1], model.poses)
        ways[OPENCV] = lambda: descriptors.best(images)
    with _one_thread(cv2):
        (seconds,) = apart(_seconds, [ways])
    scale = 1e6 / (len(images) * len(model.poses))
    medians = {name: float(np.median(taken)) * scale for name, taken in seconds.items()}
    rows = [{"name": n, "microseconds": m, "ratio": m / medians[OURS]} for n, m in medians.items()]
    return {"poses": len(model.poses), "images": len(images), "threads": 1, "rows": rows}


def _seconds(ways: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for counted in range(1 + _ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if counted:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _bank(model: PoseRegressor, images: NDArray[np.float32]) -> NDArray[np.int64]:
    field = model.representation_(model.disc_(torch.from_numpy(images))[:, None])
    found: NDArray[np.int64] = model.bank_.argmax(field).pose[:, 0, 0].numpy()
    return found


def _warped(model: PoseRegressor, images: NDArray[np.float32]) -> NDArray[np.int64]:
    tensor = torch.from_numpy(images)
    features = warped_features(tensor, model.poses, model.representation_, model.disc_)
    weights = torch.from_numpy(model.svm_.weights.astype(np.float32)).flatten()
    found: NDArray[np.int64] = (features.flatten(2) @ weights).argmax(1).numpy()
    return found


def _opencv() -> Any:
    """OpenCV where it is installed and has the descriptor, which versions from 5 on lack."""
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError:
        return None
    return cv2 if hasattr(cv2, "HOGDescriptor") else None


@contextmanager
def _one_thread(cv2: Any) -> Iterator[None]:
    """OpenCV has one thread for a while, if it is there: as all ways have."""
    if cv2 is None:
        yield
        return
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class OpenCV:
    """The same search as far as OpenCV has it: warpAffine and HOGDescriptor, with weights of its own that say nothing.

    Its window is as large as the image, its blocks 2 x 2 cells of 8 pixels, its bins 9.
    """

    def __init__(self, cv2: Any, size: int, poses: Sequence[Transform]) -> None:
        self.cv2, self.size = cv2, size
        self.hog = self.cv2.HOGDescriptor((size, size), (16, 16), (8, 8), (8, 8), 9)
        self.weights = np.ones(self.hog.getDescriptorSize(), np.float32)
        self.matrices = [self._matrix(g) for g in poses]

    def _matrix(self, g: Transform) -> NDArray[np.float64]:
        """g^-1 in pixel indices, counted from the first pixel, as warpAffine takes it."""
        back, middle = g.inverse(), (self.size - 1) / 2
        shift = middle + back.offset - back.linear @ [middle, middle]
        return np.column_stack([back.linear, shift])

    def best(self, images: NDArray[np.float32]) -> list[int]:
        cv2, found = self.cv2, []
        for image in (images * 255).clip(0, 255).astype(np.uint8):
            warped = (
                cv2.warpAffine(
                    image, m, image.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
                )
                for m in self.matrices
            )
            scores = [float(self.hog.compute(picture).ravel() @ self.weights) for picture in warped]
            found.append(int(np.argmax(scores)))
        return found
