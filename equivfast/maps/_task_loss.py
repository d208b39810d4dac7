"""What a transformation layer is trained for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from equivfast.maps._task_batches import Batch
from equivfast.maps._task_settings import Training


class Loss:
    """The loss of each image, (n,): see :func:`equivfast.maps.task.train`."""

    def __init__(self, training: Training) -> None:
        self.kind = training.loss
        self.share = {"classification": 1.0, "features": 0.0, "both": training.share}[training.loss]
        self.variance = 1.0

    def measure_spread(self, wanted: Tensor) -> None:
        """Take the mean variance of these outputs as the unit of squared differences."""
        spread = float(wanted.double().var(0, correction=0).mean())
        self.variance = spread if spread > 0 else 1.0

    def __call__(self, out: Tensor, batch: Batch) -> Tensor:
        return self.weighted(self.parts(out, batch))

    def parts(self, out: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy and squared difference of each image, (n, 2); 0 where the loss has no use for it."""
        _, labels, wanted = batch
        entropy = difference = out.new_zeros(len(out))
        if self.kind in ("classification", "both"):
            assert labels is not None
            if not 0 <= int(labels.min()) <= int(labels.max()) < out.shape[1]:
                got = f"{int(labels.min())} to {int(labels.max())}"
                raise ValueError(f"train: labels must be 0 to {out.shape[1] - 1}, outputs of rest, got {got}")
            entropy = functional.cross_entropy(out, labels.long(), reduction="none")
        if self.kind in ("features", "both"):
            assert wanted is not None
            if wanted.shape != out.shape:
                got = f"{tuple(wanted.shape)} and {tuple(out.shape)}"
                raise ValueError(f"train: wanted must have the shape of the outputs of rest, got {got}")
            difference = (out - wanted).square().mean(1)
        return torch.stack([entropy, difference], 1)

    def weighted(self, parts: Tensor) -> Tensor:
        return self.share * parts[:, 0] + (1 - self.share) * parts[:, 1] / self.variance
