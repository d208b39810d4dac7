"""phi as the error budget calls it: torch or NumPy, field or vector, a network at rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_AT_ONCE = 32  # images in one call


class Phi:
    """Any callable as images (n, c, h, w) -> float64 field (n, d, H, W); a vector (n, d) is a field of one cell.

    What raises an error on a torch tensor and is no network is tried with NumPy, and then always called so.
    """

    def __init__(self, function: str, phi: Callable[..., Any]) -> None:
        if not callable(phi):
            raise ValueError(f"{function}: phi must be callable, got {type(phi).__name__}")
        self.function, self.phi = function, phi
        self._numpy: bool | None = False if isinstance(phi, nn.Module) or hasattr(phi, "grid") else None
        weights = list(phi.parameters()) if isinstance(phi, nn.Module) else []
        self._like = weights[0] if weights else None

    def __call__(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([self._field(part) for part in images.split(_AT_ONCE)])

    def _field(self, images: Tensor) -> Tensor:
        out = self._called(images if self._like is None else images.to(self._like))
        if isinstance(out, np.ndarray):
            out = torch.from_numpy(np.ascontiguousarray(out))
        what = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        if (
            not isinstance(out, Tensor)
            or out.ndim not in (2, 4)
            or len(out) != len(images)
            or not out.numel()
        ):
            raise ValueError(
                f"{self.function}: phi must return ({len(images)}, d, H, W) or ({len(images)}, d) for "
                f"{len(images)} images, got {what}"
            )
        if out.is_complex():
            raise ValueError(f"{self.function}: phi must return real numbers, got {out.dtype}")
        field = out.detach().double().cpu()
        if not torch.isfinite(field).all():
            raise ValueError(f"{self.function}: phi must return finite numbers, got NaN or infinity")
        return field if field.ndim == 4 else field[:, :, None, None]

    def _called(self, images: Tensor) -> Any:
        if self._numpy:
            return self.phi(images.numpy())
        try:
            out = self.phi(images)
        except Exception as error:
            if self._numpy is False:
                raise
            try:
                out = self.phi(images.numpy())
            except Exception:
                raise error from None  # what NumPy's own complaint would hide
            self._numpy = True
            return out
        self._numpy = False
        return out


@contextmanager
def resting(phi: Any) -> Iterator[None]:
    """Dropout and batch statistics are off inside; every module gets its own mode back."""
    modes = [(m, m.training) for m in phi.modules()] if isinstance(phi, nn.Module) else []
    for module, _ in modes:
        module.training = False
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def read_images(function: str, images: Any) -> Tensor:
    """Images (n, c, h, w) as a floating-point tensor, finite."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)) if isinstance(images, np.ndarray) else images
    what = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(images).__name__
    if not isinstance(tensor, Tensor) or tensor.ndim != 4 or not tensor.numel():
        raise ValueError(f"{function}: images must be (n, c, h, w), at least one, got {what}")
    if tensor.is_complex() or tensor.dtype is torch.bool:
        raise ValueError(f"{function}: images must be real numbers, got {tensor.dtype}")
    tensor = tensor.detach().cpu()
    tensor = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{function}: images must be finite, got NaN or infinity")
    return tensor
