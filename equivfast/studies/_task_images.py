"""What a task's images become: HOG of their transformed middle, a linear SVM on it, and how often it is right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.svm import LinearSVC

from equivfast.data import TaskImages
from equivfast.groups import Transform, window
from equivfast.representations import HOG
from equivfast.studies._windows import BORDER_CELLS, centred

_BATCH = 128
_COSTS = (0.01, 0.1, 1.0, 10.0)
_FOLDS = 5
_DRAWS = 1000


def fields_of(task: TaskImages, which: NDArray[np.int64], phi: HOG, g: Transform, cells: int) -> torch.Tensor:
    """phi(g x) on the central cells x cells of these images, (n, d, cells, cells); beyond x its mirror image."""
    pixels, middle = (cells + 2 * BORDER_CELLS) * phi.cell, (task.pixels - 1) / 2
    found = []
    for start in range(0, len(which), _BATCH):
        batch = torch.from_numpy(task.images[which[start : start + _BATCH]])
        planes = batch[:, None] if batch.ndim == 3 else batch.movedim(-1, 1)
        moved, _ = window(planes, (middle, middle), pixels, g)
        scale = 255 if batch.dtype == torch.uint8 else 1
        found.append(centred(phi(torch.as_tensor(moved).float() / scale), cells))
    return torch.cat(found)


def largest_field(pixels: int, cell: int, support: int) -> int:
    """Largest odd n such that all that n x n cells look at under any rotation lies in an image of this size.

    Definition their centres turn on circles up to (n - 1) / sqrt 2 cells wide; to this come the corner of the
               neighbourhood, and two cells that the votes and the normalisers see
    Raises     ValueError when not even 3 x 3 cells fit
    """
    beyond = math.sqrt(2) * (support // 2) + 2
    n = 2 * math.floor((pixels / (2 * cell) - beyond) / math.sqrt(2)) + 1
    if n < 3:
        need = math.ceil(2 * cell * (beyond + math.sqrt(2)))
        raise ValueError(
            f"TaskCheck: images must be at least {need} pixels wide for cells of {cell} pixels, got {pixels}"
        )
    return n


@dataclass(frozen=True, eq=False)
class Classifier:
    """fields (n, d, H, W) -> (n,) bool: <weight, field> + bias > 0."""

    weight: NDArray[np.float64]
    bias: float
    cost: float

    @classmethod
    def learn(
        cls, fields: torch.Tensor, labels: NDArray[np.bool_], groups: NDArray[np.int64], seed: int
    ) -> Classifier:
        """A linear SVM: C is the smallest of 0.01, 0.1, 1, 10 with the best accuracy of five folds.

        Groups are kept whole in the folds, and both classes weigh the same. No feature is rescaled: all lie in 0..0.4.
        """
        x = fields.flatten(1).double().numpy()
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
        scores = [
            cross_val_score(
                _svm(c, seed), x, labels, groups=groups, cv=folds, scoring="balanced_accuracy"
            ).mean()
            for c in _COSTS
        ]
        cost = _COSTS[int(np.argmax(scores))]
        svm = _svm(cost, seed).fit(x, labels)
        return cls(svm.coef_[0], float(svm.intercept_[0]), cost)

    def __call__(self, fields: torch.Tensor) -> NDArray[np.bool_]:
        scores: NDArray[np.float64] = fields.flatten(1).double().numpy() @ self.weight + self.bias
        return scores > 0


def _svm(cost: float, seed: int) -> LinearSVC:
    return LinearSVC(C=cost, dual=True, class_weight="balanced", max_iter=20000, random_state=seed)


def accuracy(
    right: NDArray[np.bool_], labels: NDArray[np.bool_], groups: NDArray[np.int64], seed: int
) -> dict[str, float]:
    """Mean of both classes' shares of right answers, with its 90 % interval, groups drawn with replacement.

    Chance is 1/2 however many images each class has. The same seed draws the same groups: methods are paired.
    """
    names, member = np.unique(groups, return_inverse=True)
    kinds = [labels, ~labels]
    hits = np.stack([np.bincount(member, right & kind, len(names)) for kind in kinds])
    counts = np.stack([np.bincount(member, kind, len(names)) for kind in kinds])
    drawn = np.random.default_rng(seed).choice(len(names), (_DRAWS, len(names)))
    with np.errstate(invalid="ignore"):  # a draw without one of the classes counts the other
        shares = np.nanmean(hits[:, drawn].sum(-1) / counts[:, drawn].sum(-1), axis=0)
    low, high = np.quantile(shares, [0.05, 0.95])
    return {"mean": float((hits.sum(1) / counts.sum(1)).mean()), "low": float(low), "high": float(high)}
