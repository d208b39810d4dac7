"""From pictures to what a network was trained on: resized, cropped, scaled, normalised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocess:
    """How pictures become the input of a network.

    Shapes     a list of uint8 (h, w, 3), or uint8 (n, h, w, 3) -> float32 (n, 3, height, width)
    Definition the shorter side to `resize` pixels (Pillow's bilinear; None: as it is), the central `size` x `size`
               pixels (None: all), times `scale`, channels reversed for `bgr`, minus `mean`, over `std`. Mean and std
               are in the order and the units of the network
    Raises     ValueError for pictures of another kind, smaller than `size`, or of several sizes at the end; for a
               size below 1, a std or a scale that is not above 0

    >>> Preprocess(size=2, mean=(0.5, 0.5, 0.5))(np.full((1, 4, 4, 3), 255, np.uint8))[0, 0].tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    size: int | None = None
    resize: int | None = None
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    scale: float = 1 / 255
    bgr: bool = False

    def __post_init__(self) -> None:
        for name in ("size", "resize"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(
                    f"Preprocess: {name} must be a number of pixels, at least 1, or None, got {value!r}"
                )
        for name in ("mean", "std"):
            numbers = tuple(float(number) for number in getattr(self, name))
            if len(numbers) != 3 or not np.isfinite(numbers).all() or (name == "std" and min(numbers) <= 0):
                expected = "three numbers above 0" if name == "std" else "three numbers"
                raise ValueError(f"Preprocess: {name} must be {expected}, got {getattr(self, name)!r}")
            object.__setattr__(self, name, numbers)
        if not self.scale > 0:
            raise ValueError(f"Preprocess: scale must be above 0, got {self.scale!r}")

    def __call__(self, images: Iterable[Any]) -> Tensor:
        if isinstance(images, (np.ndarray, Tensor)) and images.ndim != 4:
            raise ValueError(
                f"Preprocess: images must be a list of (h, w, 3) or (n, h, w, 3), got {tuple(images.shape)}"
            )
        pictures = [self._framed(_picture(image)) for image in images]
        if len({picture.shape for picture in pictures}) > 1:
            sizes = " and ".join(sorted({f"{p.shape[0]} x {p.shape[1]}" for p in pictures})[:2])
            raise ValueError(f"Preprocess: images must end in one size, or size be given, got {sizes}")
        if not pictures:
            return torch.zeros(0, 3, self.size or 1, self.size or 1)
        return self.normalised(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))

    def normalised(self, images: Tensor) -> Tensor:
        """RGB images (n, 3, h, w), 0..255 -> the network's numbers; sizes are left alone."""
        values = (images if images.is_floating_point() else images.float()) * self.scale
        values = values.flip(1) if self.bgr else values
        mean, std = (values.new_tensor(numbers)[:, None, None] for numbers in (self.mean, self.std))
        return ((values - mean) / std).contiguous()

    def _framed(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        short = min(height, width)
        if self.resize is not None and short != self.resize:
            height, width = height * self.resize // short, width * self.resize // short
            resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
            image = np.asarray(resized)
        if self.size is None:
            return image
        if min(height, width) < self.size:
            raise ValueError(
                f"Preprocess: images must have {self.size} x {self.size} pixels or more, or resize be given, "
                f"got {height} x {width}"
            )
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return image[top : top + self.size, left : left + self.size]


def _picture(image: Any) -> NDArray[np.uint8]:
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"Preprocess: images must be uint8 (h, w, 3), got {array.dtype} {array.shape}")
    return array
