"""One layer of a torch network as a representation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from equivfast.groups import Grid, Transform
from equivfast.representations._layer_id import parse

if TYPE_CHECKING:
    from equivfast.representations.network import Network


class Layer:
    """phi(images): what a layer of a network makes of images that are prepared as the network wants them.

    Shapes     images (n, c, h, w) -> field (n, d, H, W); see :class:`Network` for names and layouts
    Definition `model` is a torch model, with the options of `Network`, or a `Network`
    Symmetry   none is known beforehand: `channel_action` is None, maps are learned
    Gradient   with respect to images that require it, while gradients are enabled

    >>> from equivfast import groups, maps
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.ReLU())
    >>> phi = Layer(model, "1", name="one layer")
    >>> images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> maps.fit(phi, groups.hflip(), images, support=1).channels
    (4, 4)
    """

    def __init__(self, model: nn.Module | Network, name: str, /, **network_options: Any) -> None:
        from equivfast.representations.network import Network  # a network makes layers as well

        if isinstance(model, Network) and network_options:
            raise ValueError(
                f"Layer: options must go to the Network itself, got {', '.join(network_options)}"
            )
        self.network = model if isinstance(model, Network) else Network(model, **network_options)
        parse("Layer", name, dict(self.network.model.named_modules(remove_duplicate=False)))
        self.name = name
        self._described: dict[str, Any] = {}

    @property
    def channels(self) -> int:
        return int(self._description["channels"])

    @property
    def settings(self) -> dict[str, object]:
        """What a report says about this representation; stride and grid on the network's own image size."""
        return {"name": self.network.name, "layer": self.name, **self._description}

    def __call__(self, images: Tensor) -> Tensor:
        return self.network.read(images, [self.name])[self.name]

    def grid(self, height: int, width: int) -> Grid:
        """The cells of the field of a height x width image; see `Network.grid`."""
        return self.network.grid(self.name, height, width)

    def channel_action(self, g: Transform) -> None:
        """None: how a trained layer's channels answer to g has to be learned."""

    @property
    def _description(self) -> dict[str, Any]:
        if not self._described:
            images = self.network.example()
            with torch.no_grad():
                channels = self(images).shape[1]
            found = self.network.alignment(self.name, images.shape[2], images.shape[3])
            self._described = {"channels": channels, "stride": found.centred.stride, "grid": found.how}
        return dict(self._described)
