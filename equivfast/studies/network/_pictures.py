"""Images as a network takes them: upright, transformed, and in augmented copies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.data import Images
from equivfast.groups import PreparedWarp, Transform
from equivfast.representations import Network, Preprocess

# Images are kept as tensors while they take less.
_KEPT_BYTES = 1 << 30
_SHIFT = 4
_CHOOSE_EVERY = 5


class Pictures:
    """Images of one part, preprocessed by the network; transformed ones, where the pixels are the network's.

    The transformations act on the canvas that the network sees, the border is mirrored.
    """

    def __init__(self, images: Images, indices: NDArray[np.int64], network: Network, batch_size: int) -> None:
        self.images, self.indices, self.network, self.batch_size = images, indices, network, batch_size
        self.preprocess = network.preprocess or Preprocess()
        self.labels = torch.from_numpy(np.asarray(images.labels)[indices].astype(np.int64))
        self._whole: Tensor | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's canvas."""
        shape = self.preprocess(self.images.take(self.indices[:1])).shape
        return int(shape[2]), int(shape[3])

    def part(self, places: NDArray[np.int64]) -> Pictures:
        """Some of the pictures."""
        return Pictures(self.images, self.indices[places], self.network, self.batch_size)

    def divided(self) -> tuple[Pictures, Pictures]:
        """Those to fit on, and every fifth to choose on."""
        places = np.arange(len(self))
        chosen = places % _CHOOSE_EVERY == 0
        return self.part(places[~chosen]), self.part(places[chosen])

    def at(self, places: slice) -> Tensor:
        """Preprocessed images (n, c, h, w) on the network's device."""
        if 4 * 3 * self.size[0] * self.size[1] * len(self) > _KEPT_BYTES:
            return self.preprocess(self.images.take(self.indices[places])).to(self.network.device)
        if self._whole is None:
            parts = [
                self.preprocess(self.images.take(self.indices[start : start + 500]))
                for start in range(0, len(self), 500)
            ]
            self._whole = torch.cat(parts)
        return self._whole[places].to(self.network.device)

    def batches(self, start: int = 0) -> Iterator[tuple[slice, Tensor]]:
        """(places, images), in order, from image number `start` on."""
        for first in range(start, len(self), self.batch_size):
            places = slice(first, min(first + self.batch_size, len(self)))
            yield places, self.at(places)


class Moves:
    """The transformations of a study, prepared for one canvas."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._warps: dict[Transform, PreparedWarp] = {}

    def __call__(self, g: Transform, images: Tensor) -> Tensor:
        if g not in self._warps:
            self._warps[g] = PreparedWarp(g, self.size)
        return self._warps[g](images)


def augmented(images: Tensor, draw: torch.Generator, shift: int = _SHIFT) -> Tensor:
    """Images mirrored at random and shifted by up to `shift` pixels each way, the border mirrored.

    A network knows its training images by heart; these it has not seen.
    """
    shift = min(shift, images.shape[2] - 1, images.shape[3] - 1)
    padded = torch.nn.functional.pad(images, (shift, shift, shift, shift), mode="reflect")
    height, width = images.shape[2:]
    flips = torch.rand(len(images), generator=draw) < 0.5
    down, along = torch.randint(0, 2 * shift + 1, (2, len(images)), generator=draw)
    parts = []
    for image, flip, y, x in zip(padded, flips.tolist(), down.tolist(), along.tolist(), strict=True):
        cut = image[:, y : y + height, x : x + width]
        parts.append(cut.flip(-1) if flip else cut)
    return torch.stack(parts)
