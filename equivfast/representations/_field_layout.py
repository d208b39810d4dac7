"""Where the rows, columns and channels of a module's output lie, and the way back from a field.

Maps are (n, c, H, W) or, channels last, (n, H, W, c); tokens (n, prefix + H W, c); vectors (n, c).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Modules whose 4-d output has its channels last, or first, whatever the sizes. Exact types: the LayerNorm2d of
# torchvision and timm are LayerNorms that keep channels first.
_LAST = (nn.Linear, nn.LayerNorm)
_FIRST = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.GroupNorm)


@dataclass(frozen=True)
class Tokens:
    """How tokens lie on the image: a grid of height x width, after `prefix` tokens that belong to no place.

    `channels_last` says of 4-d outputs whether they are (n, H, W, c); None: found from the patch embedding.
    """

    height: int
    width: int
    prefix: int = 0
    channels_last: bool | None = None

    def __post_init__(self) -> None:
        for name, least in (("height", 1), ("width", 1), ("prefix", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"Tokens: {name} must be a whole number of at least {least}, got {value!r}")


@dataclass(frozen=True)
class Layout:
    """One way in which a field (n, c, H, W) lies in a module's output; `kind` as in the module's text."""

    kind: str
    channels: int
    height: int = 1
    width: int = 1
    prefix: int = 0

    def field(self, output: Tensor) -> Tensor:
        if self.kind == "vector":
            return output[:, :, None, None]
        if self.kind == "sequence":
            return output[:, :, None, :]
        if self.kind == "channels last":
            return output.permute(0, 3, 1, 2)
        if self.kind == "tokens":
            return output[:, self.prefix :].transpose(1, 2).unflatten(2, (self.height, self.width))
        return output

    def output(self, field: Tensor, original: Tensor | None) -> Tensor:
        """A module's output with this field in it; the prefix is that of the original output."""
        if self.kind == "vector":
            return field.flatten(1)
        if self.kind == "sequence":
            return field.flatten(2)
        if self.kind == "channels last":
            return field.permute(0, 2, 3, 1)
        if self.kind != "tokens":
            return field
        tokens = field.flatten(2).transpose(1, 2)
        if not self.prefix or original is None:
            return tokens
        return torch.cat([original[:, : self.prefix].to(tokens.dtype), tokens], dim=1)


def patch_embedding(model: nn.Module) -> str | None:
    """The name of the convolution that cuts the image into patches: the first one, if its kernel is its stride."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            steps = tuple(module.stride)
            return name if steps == tuple(module.kernel_size) and min(steps) > 1 else None
    return None


def layout(
    layer: str,
    module: nn.Module,
    shape: tuple[int, ...],
    batch: int,
    tokens: Tokens | None,
    patches: tuple[int, int] | None,
    prefix: int | None,
) -> Layout:
    """The layout of an output of this shape.

    `patches` is the grid of the patch embedding, `prefix` the number of prefix tokens that the model declares.
    Raises     ValueError for shapes that are no field, and for those that could be several
    """
    if len(shape) not in (2, 3, 4) or 0 in shape[1:]:
        raise ValueError(
            f"Network: layer must return (n, c, H, W), (n, N, c) or (n, c), got {shape} from {layer!r}"
        )
    if shape[0] != batch:
        raise ValueError(
            f"Network: layer must return one entry for each of the {batch} images first, got {shape} from {layer!r}"
        )
    if len(shape) == 2:
        return Layout("vector", shape[1])
    if len(shape) == 3:
        if isinstance(module, nn.Conv1d):
            return Layout("sequence", shape[1], 1, shape[2])
        return _tokens(layer, shape, tokens, patches, prefix)
    if _channels_last(layer, module, shape, tokens, patches):
        return Layout("channels last", shape[3], shape[1], shape[2])
    return Layout("map", *shape[1:])


def _tokens(
    layer: str,
    shape: tuple[int, ...],
    tokens: Tokens | None,
    patches: tuple[int, int] | None,
    prefix: int | None,
) -> Layout:
    count = shape[1]
    if tokens is not None:
        if count == tokens.prefix + tokens.height * tokens.width:
            return Layout("tokens", shape[2], tokens.height, tokens.width, tokens.prefix)
        if (
            count == tokens.height * tokens.width
        ):  # before the prefix is put in front, or after it was taken off
            return Layout("tokens", shape[2], tokens.height, tokens.width)
        wanted = f"{tokens.prefix} + {tokens.height} x {tokens.width}"
        raise ValueError(f"Network: layer must return {wanted} tokens, got {shape} from {layer!r}")
    if patches is not None:
        extra = count - patches[0] * patches[1]
        if extra == 0 or extra == prefix or (extra > 0 and prefix is None):
            return Layout("tokens", shape[2], *patches, extra)
    known = "no patch embedding" if patches is None else f"{patches[0]} x {patches[1]} patches"
    raise ValueError(
        f"Network: tokens must be Tokens(height, width, prefix) to say how the {count} tokens of {layer!r} lie "
        f"({known} found), got None"
    )


def _channels_last(
    layer: str,
    module: nn.Module,
    shape: tuple[int, ...],
    tokens: Tokens | None,
    patches: tuple[int, int] | None,
) -> bool:
    if isinstance(module, _FIRST):
        return False
    if type(module) in _LAST:
        return True
    if tokens is not None and tokens.channels_last is not None:
        return tokens.channels_last
    if patches is None:
        return False
    first, last = _halved(shape[2:], patches), _halved(shape[1:3], patches)
    if first and last:
        raise ValueError(
            f"Network: tokens must be Tokens(..., channels_last=True or False): {shape} from {layer!r} may be either"
        )
    return last


def _halved(size: tuple[int, ...], patches: tuple[int, int]) -> bool:
    """Whether a size is that of the patches, or of patches merged two by two, again and again."""
    height, width = patches
    while True:
        if size == (height, width):
            return True
        if height == width == 1:
            return False
        height, width = (height + 1) // 2, (width + 1) // 2
