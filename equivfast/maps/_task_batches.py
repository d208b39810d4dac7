"""What a transformation layer is trained on: batches of fields with their labels and wanted outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Fields phi(g x), labels, and the outputs that the upright images have; what the loss does not ask for may be None.
Batch = tuple[Tensor, Tensor | None, Tensor | None]
# Epoch (from 1; 0 for the held-out images) -> its batches, for sets too large for memory and for augmentation.
Batches = Callable[[int], Iterable[Batch]]


@dataclass(frozen=True)
class Source:
    """Batches on one device, from tensors or from a callable."""

    name: str
    fields: Tensor | Batches
    labels: Tensor | None
    wanted: Tensor | None
    loss: str
    size: int
    device: torch.device

    def __post_init__(self) -> None:
        if not isinstance(self.fields, Tensor):
            if not callable(self.fields):
                kind = type(self.fields).__name__
                raise ValueError(f"train: {self.name} must be a tensor or give batches by epoch, got {kind}")
            return
        if self.fields.ndim != 4 or len(self.fields) == 0:
            shape = tuple(self.fields.shape)
            raise ValueError(f"train: {self.name} must be (n, c, H, W) with n > 0, got {shape}")
        self._check((self.fields, self.labels, self.wanted))

    def batches(self, epoch: int, seed: int | None) -> Iterator[Batch]:
        """Those of one epoch: tensors in an order of the seed's and the epoch's own, None: as they stand."""
        if not isinstance(self.fields, Tensor):
            found = 0
            for batch in self.fields(epoch):
                self._check(batch)
                found += 1
                yield self._placed(batch)
            if not found:
                raise ValueError(
                    f"train: {self.name} must give at least one batch, got none in epoch {epoch}"
                )
            return
        order = torch.arange(len(self.fields))
        if seed is not None:
            generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
            order = torch.randperm(len(order), generator=generator)
        for part in order.split(self.size):
            yield self._placed(
                tuple(None if t is None else t[part.to(t.device)] for t in self._parts)  # type: ignore[arg-type]
            )

    @property
    def _parts(self) -> tuple[Any, Tensor | None, Tensor | None]:
        return self.fields, self.labels, self.wanted

    def _placed(self, batch: Batch) -> Batch:
        x, labels, wanted = (None if t is None else self._on_device(t) for t in batch)
        assert x is not None
        x = x if x.dtype == torch.float64 else x.float()
        return x, labels, None if wanted is None else wanted.to(x.dtype)

    def _on_device(self, tensor: Tensor) -> Tensor:
        placed = tensor.detach().to(self.device)
        # What was made in inference mode cannot be differentiated through.
        return placed.clone() if placed.is_inference() else placed

    def _check(self, batch: Any) -> None:
        if not isinstance(batch, tuple) or len(batch) != 3 or not isinstance(batch[0], Tensor):
            raise ValueError(
                f"train: {self.name} must give batches (fields, labels, wanted), got {type(batch).__name__}"
            )
        x, labels, wanted = batch
        if not x.is_floating_point():
            raise ValueError(f"train: {self.name} must hold floating-point numbers, got {x.dtype}")
        for name, value, asked in (("labels", labels, "classification"), ("wanted", wanted, "features")):
            if value is None and self.loss in (asked, "both"):
                raise ValueError(f"train: {self.name}: {name} must be given for loss {self.loss!r}, got None")
            if value is not None and len(value) != len(x):
                got = f"{len(value)} and {len(x)}"
                raise ValueError(f"train: {self.name}: {name} must be as many as the fields, got {got}")
        if labels is not None and (labels.is_floating_point() or labels.ndim != 1):
            got = f"{labels.dtype} {tuple(labels.shape)}"
            raise ValueError(f"train: {self.name}: labels must be class numbers (n,), got {got}")
