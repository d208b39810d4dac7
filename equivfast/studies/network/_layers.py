"""Which layers are studied, and what is known of each before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from equivfast.groups import Grid
from equivfast.maps import Surveyed
from equivfast.representations import Network
from equivfast.studies.network._config import KINDS


@dataclass(frozen=True)
class StudiedLayer:
    """A layer, where its cells lie, and whether everything flows through it."""

    name: str
    channels: int
    grid: Grid
    probed: bool
    complete: bool

    @property
    def surveyed(self) -> Surveyed:
        return Surveyed(self.channels, self.grid)

    def described(self, depth: float) -> dict[str, Any]:
        return {
            "name": self.name,
            "channels": self.channels,
            "field": [self.grid.height, self.grid.width],
            "stride": self.grid.stride,
            "grid": "probed" if self.probed else "assumed",
            "complete": self.complete,
            "relu": self.name.endswith("+relu"),
            "depth": depth,
        }


def chosen(network: Network, asked: tuple[str, ...], images: Tensor) -> list[StudiedLayer]:
    """The layers that were asked for, in the order in which they run where a kind was asked for.

    Raises     ValueError for unknown layers, and where a kind has none
    """
    names: list[str] = []
    for text in asked:
        found = network.layers(text, images[:4]) if text in KINDS else [text]
        if not found:
            raise ValueError(f"network: layers must name layers of {network.name}, {text!r} has none")
        names += [name for name in found if name not in names]
    fields = network.read(images[:4], names)
    layers = []
    for name in names:
        aligned = network.alignment(name, images.shape[2], images.shape[3])
        complete = network.complete(name, images[:4])
        probed = aligned.how == "probed"
        layers.append(StudiedLayer(name, fields[name].shape[1], aligned.centred, probed, complete))
    return layers
