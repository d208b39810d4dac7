"""Examples out of images: boxes checked, and what they hold brought to whole cells."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast.detection.alignment import Photo
from equivfast.ops._register import planes

Array = NDArray[np.float64]

LEAST_CELLS = 3  # along the shorter side: fewer have no cell whose neighbours are all there
_ROUNDING = 1e-6
MOST_CELLS = 10  # along the longer side, unless asked for more


@dataclass(frozen=True)
class Layout:
    """How an example is laid out: its size (width, height) in pixels, its rows and columns of cells, and the scale,
    working pixels over pixels; `extra` working pixels more are read along each axis, where cells need them."""

    size: tuple[float, float]
    rows: int
    columns: int
    scale: float
    cell: int
    extra: int = 0

    @property
    def pixels(self) -> tuple[int, int]:
        """(height, width) of a working patch."""
        return self.rows * self.cell + self.extra, self.columns * self.cell + self.extra


def layout(
    function: str, size: tuple[float, float], cell: int, extra: int, cells: int | None, most: int = 16
) -> Layout:
    """The layout of examples of this size (width, height) in pixels.

    Definition the longer side has `cells` cells, by default as many as fit, at most 10, and more where the shorter one
               would have fewer than 3; the shorter one has as many as fit. Both numbers are odd or both even, so that
               their middles agree: where they are not, the longer side has one cell more or less
    Raises     ValueError for a size below 3 cells, one too long and thin for `most` cells, and a number of cells that
               there cannot be
    """
    longer, shorter = max(size), min(size)
    if shorter < LEAST_CELLS * cell:
        need, shown = LEAST_CELLS * cell, f"{size[0]:g} x {size[1]:g}"
        raise ValueError(
            f"{function}: the example must be at least {need} x {need} pixels, {LEAST_CELLS} cells of {cell} each way, "
            f"got {shown}"
        )
    whole = isinstance(cells, numbers.Integral) and not isinstance(cells, bool)
    if cells is not None and not (whole and LEAST_CELLS <= cells <= 16):
        raise ValueError(f"{function}: cells must be a whole number from {LEAST_CELLS} to 16, got {cells!r}")
    wanted = int(cells or min(MOST_CELLS, longer // cell))
    tried = {along: int(shorter * along / longer + _ROUNDING) for along in range(LEAST_CELLS, most + 1)}
    fits = [along for along, across in tried.items() if across >= LEAST_CELLS and (along - across) % 2 == 0]
    if not fits:
        raise ValueError(
            f"{function}: the example must be less long and thin, its shorter side at least "
            f"{LEAST_CELLS / most:.2f} of the longer, got {size[0]:g} x {size[1]:g}"
        )
    # The nearest number of cells; of two equally near, the larger.
    along = min(fits, key=lambda along: (abs(along - wanted), -along))
    columns, rows = (along, tried[along]) if size[0] >= size[1] else (tried[along], along)
    return Layout(size, rows, columns, along * cell / longer, cell, extra)


def image_planes(function: str, name: str, image: Any, channels: int | None = None) -> torch.Tensor:
    """One image, NumPy (h, w) or (h, w, 3) or torch (1, c, h, w), as (1, c, h, w), float32 or uint8.

    Definition gray where 1 channel is asked for
    Raises     ValueError for other shapes and dtypes, NaN and infinity
    """
    found = planes(function, name, image)
    if found.shape[0] != 1 or found.shape[1] not in (1, 3) or 0 in found.shape:
        shape = tuple(image.shape)
        raise ValueError(f"{function}: {name} must be one image of 1 or 3 channels, got {shape}")
    if found.dtype not in (torch.uint8, torch.float32, torch.float64):
        raise ValueError(f"{function}: {name} must be uint8, float32 or float64, got {found.dtype}")
    values = found.detach()
    if values.dtype != torch.uint8:
        values = values.float()
        # NaN and infinity reach the ends of the range; two of torch's quickest passes find these.
        if not bool((values.amax() - values.amin()).isfinite()):
            raise ValueError(f"{function}: {name} must be finite, got NaN or infinity")
    return gray(values) if channels == 1 else values


def gray(planes: torch.Tensor) -> torch.Tensor:
    """The mean of the channels, (1, 1, h, w); one channel stays as it is."""
    return planes if planes.shape[1] == 1 else planes.float().mean(1, keepdim=True)


def boxes_of(function: str, boxes: Any, images: Sequence[torch.Tensor]) -> Array:
    """(n, 4) boxes (x, y, width, height), one for each image, checked to lie inside.

    Raises     ValueError that names the box and its image
    """
    try:
        found = np.asarray(boxes, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (len(images), 4):
        wanted = f"({len(images)}, 4), a box (x, y, width, height) for each image"
        raise ValueError(
            f"{function}: boxes must be {wanted}, got {found.shape if found.size else repr(boxes)}"
        )
    for k, ((x, y, width, height), image) in enumerate(zip(found.tolist(), images, strict=True)):
        rows, columns = image.shape[2:]
        inside = (
            x >= 0 and y >= 0 and x + width <= columns and y + height <= rows and width > 0 and height > 0
        )
        if not inside:  # also for NaN
            shown = f"({x:g}, {y:g}, {width:g}, {height:g}) in an image of {columns} x {rows}"
            raise ValueError(f"{function}: box {k} must lie inside its image, got {shown}")
    return found


def patches(images: Sequence[torch.Tensor], boxes: Array, layout: Layout) -> torch.Tensor:
    """(n, c, height, width): what the boxes hold, in working pixels; each is scaled as a whole, by its diagonal."""
    found = []
    size = float(np.hypot(*layout.size)) * layout.scale
    for image, (x, y, width, height) in zip(images, boxes, strict=True):
        photo = Photo(image)
        middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2]) - photo.corner
        step = float(np.hypot(width, height)) / size
        found.append(photo.patches(middle[None], step * np.eye(2)[None], layout.pixels))
    return torch.cat(found)
