"""Pose search without a bank: the image is warped for every pose, HOG computed anew, one upright template looked for.

A call does the first few of the rotations of 0 to 359 degrees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from bank_templates import CELL, ORIENTATIONS, PHI
from hog_rivals import opencv_module
from numpy.typing import NDArray
from torch.nn import functional

Image = NDArray[np.float32]  # (1, h, w), 0..1


def opencv_search(template_cells: int, angles: range, dense: bool) -> Callable[[Image], object] | None:
    """By OpenCV's warp and HOG (36 numbers of a block); None without OpenCV.

    Dense: scores go back to the upright window for the best angle of each. Else the best window of each angle.
    """
    cv2 = opencv_module()
    if cv2 is None:
        return None
    step, block = (CELL, CELL), (2 * CELL, 2 * CELL)
    filters: list[torch.Tensor] = []

    def features(descriptor: Any, picture: NDArray[np.uint8]) -> torch.Tensor:
        across, down = (side // CELL - 1 for side in picture.shape[1::-1])
        blocks = descriptor.compute(picture).reshape(across, down, 36)  # OpenCV goes down first
        return torch.from_numpy(blocks).permute(2, 1, 0)[None]

    def call(image: Image) -> object:
        picture = (image[0] * 255).round().astype(np.uint8)
        h, w = picture.shape
        descriptor = cv2.HOGDescriptor((w, h), block, step, step, ORIENTATIONS)
        if not filters:  # any will do: the time does not depend on it
            filters.append(
                features(descriptor, picture)[:, :, : template_cells - 1, : template_cells - 1].clone()
            )
        best, found = None, []
        for angle in angles:
            turned = cv2.warpAffine(
                picture, cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), angle, 1), (w, h)
            )
            scores = functional.conv2d(features(descriptor, turned), filters[0])[0, 0].numpy()
            if not dense:
                found.append(cv2.minMaxLoc(scores))
                continue
            rows, columns = scores.shape
            back = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), -angle, 1)
            scores = cv2.warpAffine(scores, back, (columns, rows), flags=cv2.INTER_NEAREST, borderValue=-1e30)
            if best is None:
                best, pose = scores, np.full(scores.shape, angle)
            else:
                pose = np.where(scores > best, angle, pose)
                best = np.maximum(scores, best)
        return (best, pose) if dense else max(found, key=lambda result: result[1])

    return call


def torch_search(template: torch.Tensor, size: tuple[int, int], angles: range) -> Callable[[Image], object]:
    """By torch's grid_sample, our own HOG and conv2d: the best window of each angle. Grids are made beforehand."""
    h, w = size
    grids = []
    for angle in np.deg2rad(angles):
        turn = [[np.cos(angle), -np.sin(angle) * h / w, 0], [np.sin(angle) * w / h, np.cos(angle), 0]]
        theta = torch.tensor(np.array([turn]), dtype=torch.float32)
        grids.append(functional.affine_grid(theta, [1, 1, h, w], align_corners=False))
    filters = template[None]

    def call(image: Image) -> object:
        pixels = torch.from_numpy(image)[None]
        found = []
        for grid in grids:
            turned = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
            found.append(functional.conv2d(PHI(turned), filters).flatten().max(0))
        return max(found, key=lambda pair: float(pair[0]))

    return call
