"""From images to statistics: warp, compute features on both, keep the cells whose content is real."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.groups import Grid, Transform, grid_action, warp
from equivfast.maps import _check
from equivfast.maps.statistics import Statistics
from equivfast.ops._register import planes


class Features(Protocol):
    """What this room needs of a representation: fields, and where their cells lie."""

    @property
    def channels(self) -> int: ...

    def __call__(self, images: Tensor, /) -> Tensor: ...

    def grid(self, height: int, width: int) -> Grid: ...

    def channel_action(self, g: Transform) -> Any: ...


class Frame:
    """The grids of images of one size: the source, the target, and the target cells with real content.

    `border` cells fall away on each side: their features see the edge of the image. A target cell is valid when the
    warp's mask holds within `border` cells around it. A window's target is cropped until every cell is valid and reads
    a cell inside the source.
    """

    def __init__(
        self, phi: Features, g: Transform, size: tuple[int, int], kind: str, border: int, edge: str
    ) -> None:
        self.g, self.phi, self.size, self.kind, self.border, self.edge = g, phi, size, kind, border, edge
        grid = phi.grid(*size)
        if 2 * border >= min(grid.height, grid.width):
            raise ValueError(
                f"fit: border_cells must leave a cell of the {grid.height} x {grid.width} cells of an image, "
                f"got {border}"
            )
        self.source = self.target = grid.crop(border)
        _, mask = warp(torch.zeros(0, 1, *size), g, border=edge)
        self.valid = real_cells(np.asarray(mask), self.source, border * grid.stride)
        self.crop = border
        if kind == "window":
            self._crop_target()

    def _crop_target(self) -> None:
        usable = self.valid & grid_action(self.g, self.source).mask
        height, width = usable.shape
        for extra in range((min(height, width) + 1) // 2):
            if usable[extra : height - extra, extra : width - extra].all():
                self.crop += extra
                self.target = self.source.crop(extra)
                self.valid = np.ones((self.target.height, self.target.width), dtype=bool)
                return
        raise ValueError(f"fit: images must leave a whole target array under {self.g.name}, got {self.size}")

    def fields(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """phi(x) on the source grid and phi(g x) on the target grid."""
        warped, _ = warp(images, self.g, border=self.edge)
        with torch.no_grad():
            pair = self.phi(images), self.phi(warped)
        return _cropped(pair[0], self.border), _cropped(pair[1], self.crop)

    def statistics(self, **layout: Any) -> Statistics:
        if self.kind == "shared":
            layout["valid"] = self.valid
        channels = (self.phi.channels, self.phi.channels)
        return Statistics(self.g, self.source, self.target, channels, kind=self.kind, **layout)


def collect(
    phi: Features,
    g: Transform,
    images: Iterable[Any],
    *,
    kind: str = "shared",
    support: int | None = 3,
    interpolation: str = "nearest",
    border_cells: int = 2,
    border: str = "reflect",
    batch_size: int = 32,
    device: torch.device | str = "cpu",
) -> Statistics:
    """The statistics of pairs phi(x), phi(g x) over images, in one pass; `maps.solve` makes maps of them.

    Shapes     images: torch (c, h, w) or (n, c, h, w), NumPy (h, w) or (h, w, c), one after the other; sizes may differ
               for kind "shared"
    Definition `border_cells` cells fall away on each side of both fields, and target cells within as many cells of
               content that the warp had to invent. For kind "window" the target array is cropped until none is left.
    Cost       memory of the statistics and of one batch; see `Statistics`
    Raises     ValueError for unusable images, sizes and settings, and where no image is given.

    >>> from equivfast.groups import hflip
    >>> from equivfast.representations import HOG
    >>> collect(HOG(), hflip(), torch.rand(2, 1, 56, 64), support=1).count          # 3 x 4 cells each
    24
    """
    _check.kind("fit", kind)
    _check.support("fit", kind, support)
    for name, value, least in (("border_cells", border_cells, 0), ("batch_size", batch_size, 1)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise ValueError(f"fit: {name} must be a whole number of at least {least}, got {value!r}")
    frame: Frame | None = None
    total: Statistics | None = None
    current: Statistics | None = None
    for batch in batches(images, batch_size):
        size = (batch.shape[2], batch.shape[3])
        if frame is None or size != frame.size:
            if frame is not None and kind == "window":
                raise ValueError(
                    f"fit: images must have one size for kind 'window', got {frame.size} and {size}"
                )
            total = current if total is None or current is None else total + current
            frame = Frame(phi, g, size, kind, border_cells, border)
            current = frame.statistics(support=support, interpolation=interpolation, device=device)
        assert current is not None
        current.update(*frame.fields(batch))
    if current is None:
        raise ValueError("fit: images must hold at least one image, got none")
    result = current if total is None else total + current
    if result.count == 0 and frame is not None:
        raise ValueError(
            f"fit: images must leave a cell whose {support} x {support} taps all have real content under {g.name}, "
            f"got none in {frame.size}"
        )
    return result


def batches(images: Iterable[Any], batch_size: int) -> Iterator[Tensor]:
    """Float images of one size, (n, c, h, w), n up to `batch_size`; the order is kept."""
    if isinstance(images, (Tensor, np.ndarray)) and images.ndim != 4:
        raise ValueError(
            f"fit: images must be a list of images, torch (n, c, h, w) or NumPy (n, h, w, c), got {tuple(images.shape)}"
        )
    waiting: list[Tensor] = []
    for item in images:
        for image in _as_tensor(item):
            if waiting and (len(waiting) == batch_size or waiting[0].shape != image.shape):
                yield torch.stack(waiting)
                waiting = []
            waiting.append(image)
    if waiting:
        yield torch.stack(waiting)


def real_cells(mask: NDArray[np.bool_], grid: Grid, reach: float) -> NDArray[np.bool_]:
    """(H, W) bool: True where the mask (h, w) holds for every pixel within `reach` of the cell's centre, each way."""
    height, width = mask.shape
    lost = np.pad(np.cumsum(np.cumsum(~mask, 0), 1), ((1, 0), (1, 0)))
    centres = grid.centres + (np.array([width, height]) - 1) / 2
    first = np.clip(np.ceil(centres - reach), 0, [width, height]).astype(np.int64)
    end = np.clip(np.floor(centres + reach) + 1, 0, [width, height]).astype(np.int64)
    (x0, y0), (x1, y1) = np.moveaxis(first, -1, 0), np.moveaxis(end, -1, 0)
    return np.asarray(lost[y1, x1] - lost[y0, x1] - lost[y1, x0] + lost[y0, x0] == 0)


def _as_tensor(image: Any) -> Tensor:
    tensor = isinstance(image, Tensor)
    if not isinstance(image, (Tensor, np.ndarray)) or image.ndim not in ((3, 4) if tensor else (2, 3)):
        shape = tuple(image.shape) if hasattr(image, "shape") else type(image).__name__
        raise ValueError(f"fit: images must be torch (c, h, w) or NumPy (h, w), (h, w, c), got {shape}")
    batch = planes("fit", "an image of images", image[None] if tensor and image.ndim == 3 else image)
    return batch if batch.is_floating_point() else batch.float()


def _cropped(field: Tensor, border: int) -> Tensor:
    return field[:, :, border : field.shape[2] - border, border : field.shape[3] - border]
