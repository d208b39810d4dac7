"""Fields of the probe images, a layer at a time: those of all layers and transformations would not fit."""

from __future__ import annotations

import torch
from torch import Tensor

from equivfast.groups import Transform
from equivfast.representations import Network
from equivfast.studies.network._pictures import Moves


class ProbeFields:
    """What a network's layers make of a few images, upright and transformed.

    They are read when they are asked for, in batches. What was asked for last is kept, upright and transformed.
    """

    def __init__(self, network: Network, moves: Moves, images: Tensor, batch_size: int) -> None:
        self.network, self.moves, self.images, self.batch_size = network, moves, images, batch_size
        self._images: tuple[Transform, Tensor] | None = None
        self._upright: tuple[str, Tensor] | None = None
        self._moved: tuple[tuple[str, Transform], Tensor] | None = None

    def moved_images(self, g: Transform) -> Tensor:
        if self._images is None or self._images[0] != g:
            parts = [self.moves(g, part) for part in self.images.split(self.batch_size)]
            self._images = g, torch.cat(parts)
        return self._images[1]

    def upright(self, layer: str) -> Tensor:
        """The fields (n, c, H, W) of the images."""
        if self._upright is None or self._upright[0] != layer:
            self._upright = layer, self._read(layer, self.images)
        return self._upright[1]

    def moved(self, layer: str, g: Transform) -> Tensor:
        """The fields of the transformed images."""
        if self._moved is None or self._moved[0] != (layer, g):
            self._moved = None  # two of them need not fit
            self._moved = (layer, g), self._read(layer, self.moved_images(g))
        return self._moved[1]

    def _read(self, layer: str, images: Tensor) -> Tensor:
        with torch.no_grad():
            parts = [self.network.read(part, [layer])[layer] for part in images.split(self.batch_size)]
        return torch.cat(parts)
