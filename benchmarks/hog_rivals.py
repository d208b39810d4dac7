"""HOG by others: a careful PyTorch HOG of the same definition, scikit-image, OpenCV."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.feature import hog as skimage_hog
from torch.nn import functional

Images = NDArray[Any]  # (n, h, w) or (n, h, w, c)


class TorchHog:
    """``uoctti`` and ``dalal-triggs`` from torch operations alone, for one image size that cells divide.

    In blocks shifted by half a cell every pixel votes for the same four cells. So a strip of such blocks, whose
    pixels lie one after the other in memory, needs one scatter per corner into a row of small histograms. On the
    CPU this was the fastest of: one-hot planes and depthwise convolution, one-hot and matrix product, index_add,
    bincount, a scatter into whole cells, and of torch.compile of this one. Tables are made here once, outside of
    what is timed.
    """

    def __init__(self, h: int, w: int, cell: int, n: int, variant: str, assignment: str) -> None:
        if h % cell or w % cell or cell % 2:
            raise ValueError(f"TorchHog: cell must be even and divide the image {h}x{w}, got {cell}")
        self.cell, self.n = cell, n
        self.rows, self.columns = h // cell, w // cell
        self.directed = variant == "uoctti"
        self.bins = 2 * n if self.directed else n
        self.bilinear = assignment == "bilinear"
        rise = (torch.arange(cell) + 0.5) / cell
        sides = torch.stack([1 - rise, rise])
        across = sides.repeat(1, self.columns + 1)
        self.corners = (sides[:, None, :, None] * across[None, :, None, :]).reshape(4, 1, -1)
        self.first_bin = (
            (torch.arange(self.columns + 1) * self.bins).repeat_interleave(cell).repeat(cell).float()
        )

    def _strips(self, pixels: torch.Tensor) -> torch.Tensor:
        """(b, h - 2, w - 2) -> (b, 1, strips, pixels of a strip); what lies outside is 0."""
        border = 1 + self.cell // 2
        padded = functional.pad(pixels, (border, border, border, border))
        return padded.view(len(pixels), 1, self.rows + 1, -1)

    def _vote(self, histograms: torch.Tensor, bins: torch.Tensor, length: torch.Tensor) -> None:
        index = self._strips(bins.remainder_(self.bins)).add_(self.first_bin).long()
        histograms.scatter_add_(3, index.expand(-1, 4, -1, -1), self._strips(length) * self.corners)

    def _cells(self, x: torch.Tensor) -> torch.Tensor:
        gx = x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2]
        gy = x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]
        best_x, best_y = gx[:, 0], gy[:, 0]
        if x.shape[1] > 1:  # a chain of comparisons: argmax and gather take five times as long
            square = gx * gx + gy * gy
            best = square[:, 0]
            for c in range(1, x.shape[1]):
                longer = square[:, c] > best
                best_x, best_y = torch.where(longer, gx[:, c], best_x), torch.where(longer, gy[:, c], best_y)
                best = torch.maximum(best, square[:, c])
        gx, gy = best_x, best_y
        # hypot's own gradient is NaN at 0; 1e-30 of a squared grey level is lost in the sum elsewhere.
        length = (gx * gx + gy * gy).add(1e-30).sqrt() if x.requires_grad else torch.hypot(gx, gy)
        angle = torch.atan2(gy, gx).mul_(self.n / math.pi)
        blocks = x.new_zeros(len(x), 4, self.rows + 1, (self.columns + 1) * self.bins)
        if self.bilinear:
            low = angle.floor()
            second = length * (angle - low)
            self._vote(blocks, low + 1, second)
            self._vote(blocks, low, length - second)
        else:
            self._vote(blocks, angle.sub_(0.5).ceil_(), length)
        v = blocks.view(-1, 2, 2, self.rows + 1, self.columns + 1, self.bins).permute(0, 1, 2, 5, 3, 4)
        return (
            v[:, 0, 0, :, 1:, 1:] + v[:, 0, 1, :, 1:, :-1] + v[:, 1, 0, :, :-1, 1:] + v[:, 1, 1, :, :-1, :-1]
        )

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        cells = self._cells(image.float())
        folded = cells[:, : self.n] + cells[:, self.n :] if self.directed else cells
        energy = functional.pad(folded.square().sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        inverse = functional.avg_pool2d(energy, 2, 1).mul_(4).add_(1e-4).rsqrt_()
        sides = (slice(None, -1), slice(1, None))
        norms = [inverse[:, :, y, x] for y in sides for x in sides]
        undirected = [(folded * norm).clamp_(max=0.2) for norm in norms]
        if not self.directed:
            return torch.cat(undirected, 1)
        directed = [(cells * norm).clamp_(max=0.2) for norm in norms]
        means = [(four[0] + four[1] + four[2] + four[3]) * 0.5 for four in (directed, undirected)]
        texture = torch.cat([u.sum(1, keepdim=True) for u in undirected], 1)
        return torch.cat([*means, texture * 18**-0.5], 1)


def scikit_image(images: Images, cell: int, orientations: int) -> Callable[[], object]:
    channel = -1 if images.ndim == 4 else None

    def call() -> object:
        return [
            skimage_hog(
                image,
                orientations,
                (cell, cell),
                (2, 2),
                "L2-Hys",
                feature_vector=False,
                channel_axis=channel,
            )
            for image in images
        ]

    return call


def opencv(images: Images, cell: int, orientations: int) -> Callable[[], object] | None:
    """None without OpenCV, or with a version that has no HOGDescriptor in its main module (5.0)."""
    cv2 = opencv_module()
    if cv2 is None:
        return None
    pictures = [np.ascontiguousarray(image).clip(0, 255).astype(np.uint8) for image in images]
    h, w = images.shape[1:3]
    block, step = (2 * cell, 2 * cell), (cell, cell)
    descriptor = cv2.HOGDescriptor((w, h), block, step, step, orientations)

    def call() -> object:
        return [descriptor.compute(picture) for picture in pictures]

    return call


def opencv_module() -> Any:
    try:
        cv2 = importlib.import_module("cv2")
    except ImportError:
        return None
    return cv2 if hasattr(cv2, "HOGDescriptor") else None
