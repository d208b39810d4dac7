"""The kinds of image that go in and come out: torch (n, c, h, w), NumPy (h, w) or (h, w, c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = Any  # a Tensor or an array; what comes out is of the kind that went in
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Picture:
    """An image of either kind, read as planes (b, h, w) of the dtype that the arithmetic uses."""

    function: str
    image: Image
    size: tuple[int, int]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def read(cls, function: str, argument: str, image: Image) -> Picture:
        """Check kind, rank, dtype and size. uint8 and the short floats are computed in float32."""
        if isinstance(image, Tensor):
            shape: tuple[int, ...] = tuple(image.shape)
            known = image.dtype in (*_FLOATS, torch.uint8)
            double, device = image.dtype == torch.float64, image.device
            ranks: tuple[int, ...] = (4,)
            form, sides = "(n, c, h, w)", slice(2, 4)
        elif isinstance(image, np.ndarray):
            shape, native = image.shape, image.dtype.newbyteorder("=")
            known = native in (np.float16, np.float32, np.float64, np.uint8)
            double, device = native == np.float64, torch.device("cpu")
            ranks = (2, 3)
            form, sides = "(h, w) or (h, w, c)", slice(0, 2)
        else:
            raise ValueError(
                f"{function}: {argument} must be a torch tensor or a NumPy array, got {type(image).__name__}"
            )
        if len(shape) not in ranks:
            raise ValueError(f"{function}: {argument} must be {form}, got {shape}")
        if not known:
            raise ValueError(f"{function}: {argument} must be of a float dtype or uint8, got {image.dtype}")
        if 0 in shape[sides]:
            raise ValueError(f"{function}: {argument} must have at least one pixel, got {shape}")
        height, width = shape[sides]
        return cls(function, image, (height, width), torch.float64 if double else torch.float32, device)

    def crop(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """That part as planes (b, rows, columns); ValueError when a value is NaN or infinite."""
        if isinstance(self.image, Tensor):
            part = self.image[:, :, top:bottom, left:right]
            planes = part.reshape(-1, bottom - top, right - left).to(self.dtype)
        else:
            kind = np.float64 if self.dtype == torch.float64 else np.float32
            # A copy of the part alone: the photograph may be read-only, byte-swapped or backwards in memory.
            pixels = np.array(self.image[top:bottom, left:right], dtype=kind).reshape(
                bottom - top, right - left, -1
            )
            planes = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)))
        if not bool(torch.isfinite(planes).all()):
            raise ValueError(f"{self.function}: the image must be finite, got NaN or infinite values")
        return planes

    def finish(self, planes: Tensor, mask: NDArray[np.bool_]) -> tuple[Image, Image]:
        """Planes and mask in the kind and dtype of the image: floats keep theirs, uint8 becomes float32."""
        if isinstance(self.image, Tensor):
            dtype = torch.float32 if self.image.dtype == torch.uint8 else self.image.dtype
            shape = (*self.image.shape[:2], *planes.shape[1:])
            return planes.to(dtype).reshape(shape).contiguous(), torch.from_numpy(mask).to(self.device)
        native = self.image.dtype.newbyteorder("=")
        kind = np.dtype(np.float32) if native == np.uint8 else native
        pixels = np.moveaxis(planes.numpy(), 0, -1).reshape(*planes.shape[1:], *self.image.shape[2:])
        return np.ascontiguousarray(pixels, dtype=kind), mask
