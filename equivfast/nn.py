"""The ops and maps as `torch.nn.Module`s: for `nn.Sequential`, `state_dict`, `.to(device)` and training.

>>> import torch
>>> from equivfast import nn
>>> model = torch.nn.Sequential(nn.HOG(), nn.PoseArgmax(torch.zeros(12, 31, 4, 4)))
>>> model(torch.zeros(1, 1, 64, 64)).pose.shape
torch.Size([1, 5, 5])
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivfast import ops
from equivfast.maps.module import MapModule as Map
from equivfast.ops import PoseResult
from equivfast.ops._register import as_tensor
from equivfast.pose import PoseBank

__all__ = ["HOG", "FeatureTransform", "Map", "PoseArgmax"]


def _copy(name: str, value: Any) -> Tensor:
    return as_tensor("feature_transform", name, value).detach().clone()


class HOG(torch.nn.Module):
    """:func:`equivfast.hog` with its settings kept: images (n, c, h, w) -> fields (n, d, H, W)."""

    def __init__(
        self,
        cell: int = 8,
        orientations: int = 9,
        variant: str = "uoctti",
        assignment: str = "nearest",
        layout: str = "channels",
    ) -> None:
        super().__init__()
        self.settings = (cell, orientations, variant, assignment, layout)

    def forward(self, images: Tensor) -> Tensor:
        return ops.hog(images, *self.settings)

    def extra_repr(self) -> str:
        return "cell={}, orientations={}, variant={!r}, assignment={!r}, layout={!r}".format(*self.settings)


class FeatureTransform(torch.nn.Module):
    """:func:`equivfast.feature_transform` with its arrays kept; mix and bias are parameters.

    Shapes  as there, mix dense. index and weight are buffers: where cells come from is not learned
    Raises  ValueError for what is no array; at the first call for what does not fit together
    """

    def __init__(self, index: Any, mix: Any, weight: Any = None, bias: Any = None) -> None:
        super().__init__()
        self.register_buffer("index", _copy("index", index))
        self.register_buffer("weight", None if weight is None else _copy("weight", weight))
        values = _copy("mix", mix)
        if not values.is_floating_point() or values.layout is not torch.strided:
            got = f"{values.dtype}, {values.layout}"
            raise ValueError(f"feature_transform: mix must be a dense float32 or float64 array, got {got}")
        self.mix = torch.nn.Parameter(values)
        self.bias = None if bias is None else torch.nn.Parameter(_copy("bias", bias))

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = ops.feature_transform(features, self.index, self.mix, self.weight, self.bias)
        return out

    def extra_repr(self) -> str:
        return f"index={tuple(self.get_buffer('index').shape)}, mix={tuple(self.mix.shape)}"


def _same(parts: list[torch.nn.Parameter], bank: PoseBank) -> bool:
    kept = [bank.templates, *([] if bank.bias is None else [bank.bias])]
    return len(parts) == len(kept) and all(map(torch.equal, parts, kept))


class PoseArgmax(torch.nn.Module):
    """:func:`equivfast.pose_argmax` with its templates and its question kept; templates and bias are parameters.

    Shapes  features (n, c, h, w) -> PoseResult, as there; `options` are its keywords
    Cost    while gradients of the templates are wanted, and in compiled graphs, every call lays them out anew; else a
            :class:`equivfast.PoseBank` is kept until they change
    Raises  ValueError for templates that are no bank; at the first call for options that there are not
    """

    def __init__(self, templates: Any, bias: Any = None, **options: Any) -> None:
        super().__init__()
        bank = PoseBank(templates, bias)
        self.templates = torch.nn.Parameter(bank.templates.clone())
        self.bias = None if bank.bias is None else torch.nn.Parameter(bank.bias.clone())
        self.options = options
        self._bank: PoseBank | None = None

    def forward(self, features: Tensor) -> PoseResult:
        parts = [self.templates] if self.bias is None else [self.templates, self.bias]
        trained = torch.is_grad_enabled() and any(p.requires_grad for p in parts)
        if trained or torch.compiler.is_compiling():
            return ops.pose_argmax(features, self.templates, self.bias, **self.options)
        bank = self._bank
        if bank is None or not _same(parts, bank):
            with torch.inference_mode(False), torch.no_grad():  # what is kept serves training too
                self._bank = bank = PoseBank(self.templates, self.bias)
        return bank.argmax(features, **self.options)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_bank": None}

    def extra_repr(self) -> str:
        g, c, kh, kw = self.templates.shape
        return ", ".join([f"{g} poses of {c}x{kh}x{kw}", *(f"{k}={v!r}" for k, v in self.options.items())])
