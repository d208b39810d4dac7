"""How a transformation layer is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

LOSSES = ("features", "classification", "both")
OPTIMIZERS = ("adamw", "sgd")


@dataclass(frozen=True)
class Training:
    """The settings of :func:`equivfast.maps.task.train`.

    Definition `loss` and `share` (of the classification in "both") as there. `rate` falls along a cosine, epoch by
               epoch, after `warm_up` steps of linear rise. `patience`: epochs without a better held-out loss after
               which training stops. `whiten`: steps are taken in coordinates in which the map's inputs have unit
               covariance (kind "shared"). `clip`: largest norm of a gradient. `mixed_precision`: the rest in bfloat16,
               on CUDA only. `momentum` is that of "sgd"
    Raises     ValueError for a setting out of range

    >>> Training(loss="both", share=0.5).optimizer
    'adamw'
    """

    loss: str = "features"
    share: float = 0.5
    optimizer: str = "adamw"
    rate: float = 3e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    epochs: int = 10
    batch_size: int = 128
    patience: int = 3
    warm_up: int = 10
    whiten: bool = True
    clip: float | None = 1.0
    mixed_precision: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _one_of("loss", self.loss, LOSSES)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _number("share", self.share, 0.0, 1.0)
        _number("weight_decay", self.weight_decay, 0.0, math.inf)
        _number("momentum", self.momentum, 0.0, 1.0)
        for name, value in (("rate", self.rate), ("clip", 1.0 if self.clip is None else self.clip)):
            _number(name, value, 0.0, math.inf)
            if value == 0:
                raise ValueError(f"Training: {name} must be above 0, got {value!r}")
        for name, lowest in (("epochs", 0), ("batch_size", 1), ("patience", 1), ("warm_up", 0), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
                raise ValueError(
                    f"Training: {name} must be a whole number of at least {lowest}, got {value!r}"
                )


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"Training: {name} must be one of {', '.join(known)}, got {value!r}")


def _number(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"Training: {name} must be a finite number of {low:g} to {high:g}, got {value!r}")
