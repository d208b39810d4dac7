"""How far maps are from undoing a transformation on test images, and what the network makes of their fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.representations import Network
from equivfast.studies.network._bootstrap import Bootstrap, Interval
from equivfast.studies.network._layers import StudiedLayer

Undo = Callable[[Tensor], Tensor]
Floats = NDArray[np.float64]


def hits(logits: Tensor, labels: Tensor) -> Floats:
    """(n, 2): whether the label is the first, and among the first five; a network of few classes has no top 5."""
    k = min(5, logits.shape[1])
    best = logits.topk(k, dim=1).indices == labels.to(logits.device)[:, None]
    return np.stack([best[:, 0].cpu().numpy(), best.any(1).cpu().numpy()], 1).astype(np.float64)


class Scores:
    """What is summed for each test image: residuals, variances, and whether the network is right."""

    def __init__(self, methods: Sequence[str]) -> None:
        self.methods = list(methods)
        self._residual: list[Floats] = []
        self._variance: list[Floats] = []
        self._hits: list[Floats] = []

    def add(self, residual: Floats, variance: Floats, right: Floats | None) -> None:
        """Of some images: residual (n, methods), variance (n,), right (n, methods, 2) or None."""
        self._residual.append(residual)
        self._variance.append(variance)
        if right is not None:
            self._hits.append(right)

    def extend(self, other: Scores) -> None:
        """Add the images of another part."""
        self._residual += other._residual
        self._variance += other._variance
        self._hits += other._hits

    def residuals(self, draws: Bootstrap) -> list[Interval]:
        """Of each method: squared residual over the variance of what is to be met."""
        above = np.concatenate(self._residual)
        below = np.concatenate(self._variance)[:, None].repeat(above.shape[1], 1)
        return draws.ratios(above, below)

    def accuracies(self, draws: Bootstrap, classes: int) -> list[dict[str, Interval | None]]:
        """Of each method top1 and top5; None where the network was not asked, or knows five classes at most."""
        if not self._hits:
            return [{"top1": None, "top5": None} for _ in self.methods]
        right = np.concatenate(self._hits)
        top1, top5 = (draws.means(right[:, :, k]) for k in (0, 1))
        return [{"top1": a, "top5": b if classes > 5 else None} for a, b in zip(top1, top5, strict=True)]


def score(
    network: Network,
    layer: StudiedLayer,
    undos: Mapping[str, Undo],
    pairs: Iterable[tuple[Tensor, Tensor, Tensor, Tensor]],
    mean: Floats,
    used: NDArray[np.bool_],
    scores: Scores,
) -> None:
    """Add to the scores the test images of `pairs`: fields of x and of g x, the images g x, labels.

    The residual is |M phi(g x) - phi(x)|^2 over the `used` cells, the variance that of phi(x) around the training
    images' `mean`. The network goes on from M phi(g x) where everything flows through the layer.
    """
    inside = torch.from_numpy(used)
    centre = torch.from_numpy(mean)[:, None]
    for field, moved, images, labels in pairs:
        wanted = field[:, :, inside.to(field.device)].double()
        variance = (wanted - centre.to(wanted)).square().sum((1, 2)).cpu().numpy()
        residual, right = [], []
        for undo in undos.values():
            predicted = undo(moved)
            gap = predicted[:, :, inside.to(field.device)].double() - wanted
            residual.append(gap.square().sum((1, 2)).cpu().numpy())
            if layer.complete:
                right.append(hits(network.resume(layer.name, predicted, images), labels))
        scores.add(np.stack(residual, 1), variance, np.stack(right, 1) if right else None)


def accuracy(right: Floats, draws: Bootstrap, classes: int) -> dict[str, Any]:
    """top1 and top5 of hits (n, 2)."""
    top1, top5 = draws.means(right)
    return {"top1": top1, "top5": top5 if classes > 5 else None}
