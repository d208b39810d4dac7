"""The numbers of a map under training, in coordinates in which the channels of its input are not correlated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from equivfast.maps.map import Map
from equivfast.maps.module import MapModule

# Of the mean variance, added to each: directions in which the field hardly moves must not become long steps.
_DAMPING = 1e-3


class Filters(torch.nn.Module):
    """A map's weight W and bias b as parameters V = W L and c = b + W mean, for inputs of covariance L L^T.

    The channels of a layer are strongly correlated, and steps along W's own axes are slow along most directions of
    the field. `whiten=False`, and window maps, whose inputs are too many: L = 1 and mean = 0.
    """

    def __init__(self, start: Map, example: Tensor, whiten: bool) -> None:
        super().__init__()
        self.module = MapModule(start, example.dtype).to(example.device).requires_grad_(False)
        inputs, root, mean = start.weight.shape[1], None, None
        if whiten and start.kind == "shared":
            root, mean = _root(_seen(self.module, example))
        weight, bias = self.module.weight.double(), self.module.bias.double()
        self.back = None if root is None else _inverse(root).to(example)
        self.mean = torch.zeros(inputs).to(example) if mean is None else mean.to(example)
        self.scaled = torch.nn.Parameter((weight if root is None else weight @ root).to(example))
        self.level = torch.nn.Parameter((bias if mean is None else bias + weight @ mean).to(example))

    def forward(self, features: Tensor) -> Tensor:
        weight, bias = self._numbers(self.scaled, self.level, self.back, self.mean)
        out: Tensor = functional_call(self.module, {"weight": weight, "bias": bias}, (features,))
        return out

    def values(self) -> dict[str, Tensor]:
        """A copy of the parameters of now."""
        return {name: p.detach().clone() for name, p in self._parameters.items() if p is not None}

    def set(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, p in self._parameters.items():
                assert p is not None
                p.copy_(values[name])

    def map(self, values: dict[str, Tensor], settings: dict[str, Any]) -> Map:
        """The map of these parameters."""
        back = None if self.back is None else self.back.double()
        scaled, level = (values[name].to(self.mean.device).double() for name in ("scaled", "level"))
        weight, bias = (t.cpu().numpy() for t in self._numbers(scaled, level, back, self.mean.double()))
        return replace(self.module.of, method="task", settings=settings, weight=weight, bias=bias)

    @staticmethod
    def _numbers(scaled: Tensor, level: Tensor, back: Tensor | None, mean: Tensor) -> tuple[Tensor, Tensor]:
        weight = scaled if back is None else scaled @ back
        return weight, level - weight @ mean


def _seen(module: MapModule, example: Tensor) -> Iterator[Tensor]:
    """What the filters see, rows (cells, c m m) of a few images at a time."""
    m = module.of.support or 1
    for x in example.split(16):
        patches = functional.unfold(module.moved(x), m, padding=m // 2)
        yield patches.transpose(1, 2).flatten(0, 1).double()


def _root(rows: Iterator[Tensor]) -> tuple[Tensor, Tensor]:
    """The Cholesky factor of the rows' damped covariance, and their mean."""
    count, total, square = 0, None, None
    for x in rows:
        count += len(x)
        total = x.sum(0) if total is None else total + x.sum(0)
        square = x.T @ x if square is None else square + x.T @ x
    assert total is not None and square is not None
    mean = total / count
    covariance = square / count - mean[:, None] * mean
    spread = float(covariance.diagonal().mean())
    # A field that does not move at all, as one of zeros, leaves nothing to whiten by.
    damping = _DAMPING * spread if spread > 0 else 1.0
    covariance.diagonal().add_(damping)
    return torch.linalg.cholesky(covariance), mean


def _inverse(root: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(root, torch.eye(len(root)).to(root), upper=False)
