"""A small network with fixed weights, as a layer and as a representation of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from equivfast.groups import Grid
from equivfast.representations import Layer, Network, Preprocess

ORIENTATIONS, SIDE = 8, 7


def bars() -> torch.Tensor:
    """Odd filters of 8 orientations, two signs by ReLU: (16, 3, 7, 7)."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    window = np.exp(-(x**2 + y**2) / 5)
    found = []
    for k in range(2 * ORIENTATIONS):
        angle = np.pi * k / ORIENTATIONS
        found.append(window * np.sin(1.2 * (x * np.cos(angle) + y * np.sin(angle))))
    return torch.from_numpy(np.stack(found)).float()[:, None].expand(-1, 3, -1, -1).contiguous()


def model() -> nn.Sequential:
    """Edges of 16 directions, then 24 mixtures of neighbours; 4 pixels from cell to cell, a negative output too."""
    net = nn.Sequential(
        nn.Conv2d(3, 16, SIDE, stride=2, padding=3, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1, bias=False),
    )
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        net[0].weight.copy_(bars())
        net[3].weight.copy_(torch.randn(net[3].weight.shape, generator=random) / 12)
    return net.eval()


def layer(name: str = "3") -> Layer:
    """A layer of the network, which knows how it is shown photographs."""
    return Network(model(), name="bars", preprocess=Preprocess(mean=(0.5,) * 3, std=(0.25,) * 3)).layer(name)


class Plain:
    """Its output times 100, from images of any number of channels: not a layer, and without settings."""

    channels = 24

    def __init__(self) -> None:
        self.model = model()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return 100 * self.model(images.float().mean(1, keepdim=True).expand(-1, 3, -1, -1))

    def grid(self, height: int, width: int) -> Grid:
        return Grid.centred(*self(torch.zeros(1, 1, height, width)).shape[2:], 4)

    def channel_action(self, g: object) -> None:
        return None
