"""MapModule: a map as a torch module, whose numbers can be trained."""

from __future__ import annotations

from typing import Any

import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from equivfast.groups import grid_action
from equivfast.maps.map import Map
from equivfast.ops import feature_transform


class MapModule(torch.nn.Module):
    """A :class:`equivfast.maps.Map` whose matrix and bias can be trained: the transformation layer M_g of a network.

    Shapes  features (n, c, H, W) -> (n, d, H', W'), as of the map; its kinds "shared" and "window"
    Start   the map's own numbers, in `dtype`; where most of the matrix is 0 it becomes dense
    Back    `.map()`: the map with the numbers of now
    Cost    on the CPU that of `feature_transform`; elsewhere torch's own gather and convolution, k copies of the field
    Source  Lenc & Vedaldi 2015, section 3.2: M_g^-1 between two layers, trained through the rest

    >>> from equivfast import groups, maps
    >>> flip = maps.permutation(groups.hflip(), groups.Grid.centred(1, 2, stride=8), [0])
    >>> MapModule(flip)(torch.tensor([[[[1.0, 2.0]]]])).tolist()
    [[[[2.0, 1.0]]]]
    """

    def __init__(self, of: Map, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.of = of
        dense = of.weight.toarray() if isinstance(of.weight, csr_array) else of.weight
        self._moved: tuple[Any, Tensor, Tensor] | None = None  # of the last size
        self.weight = torch.nn.Parameter(torch.as_tensor(dense, dtype=dtype).clone())
        self.bias = torch.nn.Parameter(torch.as_tensor(of.bias, dtype=dtype).clone())

    def forward(self, features: Tensor) -> Tensor:
        if self.of.kind == "window":
            shape = (self.of.channels[1], self.of.target.height, self.of.target.width)
            return functional.linear(features.flatten(1), self.weight, self.bias).unflatten(1, shape)
        m = self.of.support or 1
        mix = self.weight.unflatten(1, (self.of.channels[0], m, m))
        if features.device.type != "cpu":
            return functional.conv2d(self.moved(features), mix, self.bias, padding=m // 2)
        index, weight = self._action(tuple(features.shape[2:]))
        out: Tensor = feature_transform(features, index, mix, weight.to(features.dtype), self.bias)
        return out

    def moved(self, features: Tensor) -> Tensor:
        """The field of a shared map with its cells moved and its channels untouched: what the filters see."""
        index, weight = self._action(tuple(features.shape[2:]))
        weight = (weight * (index >= 0)).to(features.dtype)
        found = features.flatten(2)[:, :, index.clamp(min=0).flatten()].unflatten(2, tuple(index.shape))
        return (found * weight).sum(-1)

    def _action(self, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Where the cells of a field of this size come from: tensors, which a compiled graph can hold."""
        moved = self._moved
        if moved is None or moved[0] != (size, self.weight.device):
            action = grid_action(self.of.g, self.of.grid(*size), None, self.of.interpolation)
            with torch.inference_mode(False):  # what is kept serves training too
                parts = [torch.from_numpy(a).to(self.weight.device) for a in (action.index, action.weight)]
            self._moved = moved = ((size, self.weight.device), parts[0], parts[1])
        return moved[1:]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_moved": None}

    def map(self) -> Map:
        """The map with the trained numbers."""
        weight, bias = (p.detach().double().cpu().numpy() for p in (self.weight, self.bias))
        of = self.of
        return Map(
            of.kind, of.g, of.method, weight, bias, of.channels, of.source, of.target, of.support,
            of.interpolation, of.settings,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{self.of.kind}, {self.of.g.name}, {self.of.channels[0]} -> {self.of.channels[1]} channels"
