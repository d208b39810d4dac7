"""Representations that take photographs: what a network wants of its images, done before its layer is asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from equivfast.groups import Grid, Transform
from equivfast.representations import Layer, Preprocess

_AT_ONCE = 32  # images: what a network's first layers make of them takes memory


@dataclass(frozen=True)
class Normalised:
    """phi of photographs: gray ones shown in three channels, their numbers made those that a network was trained on.

    Shapes     images (n, 1 or 3, h, w), floats or uint8 -> what phi makes of (n, 3, h, w)
    Units      `white`: the intensity of white, 255 for photographs as they are read
    Definition phi(`preprocess.normalised`(images)): mean, std and order of channels; sizes stay as they are
    Symmetry   that of phi: a turn does not mix intensities
    Raises     ValueError for images of another number of channels

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2))
    >>> phi = Normalised(Layer(net, "0", name="one layer"), Preprocess(mean=(0.5, 0.5, 0.5)), white=1.0)
    >>> gray = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> bool(torch.allclose(phi(gray), net(gray.expand(-1, 3, -1, -1) - 0.5), atol=1e-6)), phi.grid(8, 8).stride
    (True, 2.0)
    """

    phi: Any
    preprocess: Preprocess
    white: float = 255.0

    @property
    def channels(self) -> int:
        return int(self.phi.channels)

    @property
    def settings(self) -> dict[str, Any]:
        """What a report says about this representation."""
        return {**described(self.phi), "preprocess": asdict(self.preprocess)}

    def __call__(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(f"Normalised: images must be (n, 1 or 3, h, w), got {tuple(images.shape)}")
        parts = images.split(_AT_ONCE) if len(images) else (images,)
        return torch.cat([self.phi(self._numbers(part)) for part in parts])

    def grid(self, height: int, width: int) -> Grid:
        found: Grid = self.phi.grid(height, width)
        return found

    def channel_action(self, g: Transform) -> Any:
        return self.phi.channel_action(g)

    def _numbers(self, images: Tensor) -> Tensor:
        values = images if images.is_floating_point() else images.float()
        return self.preprocess.normalised(values.expand(-1, 3, -1, -1) * (255.0 / self.white))


def prepared(phi: Any, white: float) -> Any:
    """A network's layer as a representation of photographs whose white is `white`; any other phi as it is.

    Definition the network's own preprocessing, without its sizes; where it has none, intensities of 0..1
    Raises     ValueError for a network that does not take images of three channels
    """
    if not isinstance(phi, Layer):
        return phi
    channels = phi.network.example().shape[1]
    if channels != 3:
        raise ValueError(f"prepared: phi must be of a network that takes 3 channels, got {channels}")
    return Normalised(phi, phi.network.preprocess or Preprocess(), white)


def described(phi: Any) -> dict[str, Any]:
    """All that tells a representation from others, ready for JSON: its settings, and a layer's weights as a digest.

    Definition the settings are those it states (`settings`), of one that states none its class
    """
    told = getattr(phi, "settings", None)
    found: dict[str, Any] = {"name": type(phi).__name__} if told is None else dict(told)
    if isinstance(phi, Layer):
        found["weights"] = weights_digest(phi.network.model)
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def weights_digest(model: nn.Module) -> str:
    """Short hash of all parameters and buffers, names, shapes and bits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(repr((name, tuple(values.shape), str(values.dtype))).encode())
        digest.update(values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b"")
    return digest.hexdigest()[:16]
