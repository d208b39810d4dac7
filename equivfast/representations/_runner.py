"""One network, run at rest: everything that runs a model goes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from equivfast.representations import _hooks, _outputs
from equivfast.representations._field_layout import Layout, Tokens, layout, patch_embedding
from equivfast.representations._hooks import Call
from equivfast.representations._layer_id import Key, shown

_SIDES = (224, 32, 28, 64, 96, 128, 227, 256, 299, 384, 512)  # images that some network takes

Patches = tuple[int, int] | None


class Runner:
    """A model, the names of its modules, and how to read what they return."""

    def __init__(
        self, model: nn.Module, output: str | int | None, tokens: Tokens | None, side: int | None
    ) -> None:
        self.model, self.tokens, self.key = model, tokens, output
        self.modules = dict(model.named_modules(remove_duplicate=False))
        self._patch = patch_embedding(model)
        self._copied: set[Key] = set()
        self._sides = _SIDES if side is None else (side,)
        declared = getattr(model, "num_prefix_tokens", None)
        self._prefix = declared if isinstance(declared, int) else None

    @property
    def device(self) -> torch.device:
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.model.parameters() if p.is_floating_point()), torch.float32)

    def images(self, function: str, images: object) -> Tensor:
        """The images on the network's device, in its dtype."""
        if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
            got = (
                f"{images.dtype} {tuple(images.shape)}"
                if isinstance(images, Tensor)
                else type(images).__name__
            )
            raise ValueError(f"{function}: images must be a floating-point tensor (n, c, h, w), got {got}")
        return images.to(self.device, self.dtype)

    def raw(self, images: Tensor, keys: Iterable[Key]) -> tuple[dict[Key, Tensor], Patches]:
        """What the modules return, in one pass, and the grid of the patch embedding."""
        with _hooks.at_rest(self.model, _hooks.wants_gradients(images)):
            found, patch = _hooks.read(self.model, self.modules, images, keys, self._copied, self._patch)
        return found, None if patch is None else (patch[2], patch[3])

    def patches(self, images: Tensor) -> Patches:
        """The grid of the patch embedding, where there is one."""
        if self._patch is None:
            return None
        try:
            return self.raw(images[:1].detach(), [(self._patch, 0)])[1]
        except ValueError:  # a convolution that never runs
            return None

    def whole(self, function: str, images: Tensor) -> Tensor:
        with _hooks.at_rest(self.model, _hooks.wants_gradients(images)):
            return self.logits(function, self.model(images))

    def changed(self, function: str, images: Tensor, key: Key, change: Callable[[Tensor], Tensor]) -> Tensor:
        """The network's output when one layer's output is changed; gradients are those of the change."""
        with _hooks.at_rest(self.model, torch.is_grad_enabled()):
            return self.logits(function, _hooks.replaced(self.model, self.modules, images, key, change))

    def calls(self, images: Tensor, last: Key | None = None) -> list[Call]:
        with _hooks.at_rest(self.model, False):
            return _hooks.calls(self.model, self.modules, images, last)

    def logits(self, function: str, output: object) -> Tensor:
        return _outputs.logits(output, self.key, function)

    def layout(self, key: Key, shape: tuple[int, ...], batch: int, patches: Patches) -> Layout:
        module = self.modules[key[0]]
        return layout(shown(key), module, shape, batch, self.tokens, patches, self._prefix)

    def random(self, batch: int, height: int, width: int, seed: int) -> Tensor:
        """Noise with as many channels as the first convolution takes."""
        first = next((m for m in self.model.modules() if isinstance(m, nn.Conv2d)), None)
        shape = (batch, 3 if first is None else first.in_channels, height, width)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        return noise.to(self.device, self.dtype)

    def noise(self, images: Tensor) -> Tensor:
        """Other images of the same shape, of the same mean and spread in each channel."""
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1)).to(images)
        spread = images.std(dim=(0, 2, 3), keepdim=True, correction=0)
        return noise * torch.where(spread > 0, spread, 1) + images.mean(dim=(0, 2, 3), keepdim=True)

    def example(self) -> Tensor:
        """Two random images of a size that the network takes.

        Raises     ValueError when it takes none of those tried
        """
        errors = []
        for side in self._sides:
            images = self.random(2, side, side, 0)
            try:
                with _hooks.at_rest(self.model, False):
                    self.model(images)
            except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:
                errors.append(error)
                continue
            self._sides = (side,)
            return images
        reason = (str(errors[0]) or type(errors[0]).__name__).splitlines()[0]
        raise ValueError(
            f"Network: images must be given: the model takes no random images of {self._sides[0]} x {self._sides[0]} "
            f"pixels ({reason}), got None"
        ) from errors[0]
