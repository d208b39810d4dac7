"""A structured SVM over a finite set of poses, with a certificate of how far it is from the best weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivfast.pose.bank import PoseBank

Floats = NDArray[np.float64]
_CHECK = 3  # passes between two computations of the gap, which cost about as much as a pass


@dataclass(frozen=True, eq=False)
class StructuredSVM:
    """Learned weights, and how good they certainly are: no weights have an objective below `dual`."""

    weights: Floats  # (d, H, W)
    primal: float
    dual: float
    passes: int
    converged: bool

    @property
    def gap(self) -> float:
        """primal - dual, which bounds how far the objective is above the lowest."""
        return self.primal - self.dual


def structured_svm(
    features: Any,
    truth: Any,
    loss: Any,
    regularization: float,
    *,
    tolerance: float = 0.02,
    passes: int = 60,
    seed: int = 0,
) -> StructuredSVM:
    """Weights that score each example's true pose above the others, by as much as these are wrong.

    Shapes     features (n, g, d, H, W) float32, torch or NumPy: example i as it looks when pose k is undone; truth
               (n,) pose indices; loss (n, g), 0 at the truth: of a table of losses (g, g) the rows `truth`
    Definition minimises regularization / 2 |w|^2 + mean_i max_k (loss[i, k] + <w, features[i, k] - features[i, y_i]>),
               y the truth (margin rescaling), by block-coordinate Frank-Wolfe: examples in random order, each moved
               towards its most violated pose by the step that is best for the dual. Which pose that is, `pose_argmax`
               finds exactly: an example's features are the templates, the weights the one window, the losses the bias
    Stops      where primal - dual <= tolerance * primal, looked at after every third pass and after the last; both are
               computed in float64 from the final weights
    Symmetry   the same seed gives the same weights, whatever the number of threads; the dual never falls
    Cost       a pass scores n g features; memory: the features twice and 8 n d H W bytes
    Source     Lacoste-Julien, Jaggi, Schmidt & Pletscher, ICML 2013; Tsochantaridis et al., JMLR 2005
    Raises     ValueError for wrong shapes, NaN, indices outside the poses, a negative loss or one at the truth

    >>> x = np.zeros((2, 2, 1, 1, 2), np.float32)
    >>> x[0, 0, 0, 0, 0] = x[1, 1, 0, 0, 1] = 1
    >>> found = structured_svm(x, [0, 1], 1 - np.eye(2), regularization=0.1, tolerance=1e-6)
    >>> found.weights.round(3).tolist(), round(found.primal, 3), found.converged
    ([[[1.0, 1.0]]], 0.1, True)
    """
    examples = Examples(features, truth, loss)
    return examples.learn(regularization, tolerance=tolerance, passes=passes, seed=seed)


class Examples:
    """Training examples as :func:`structured_svm` takes them, laid out once for several calls of `learn`."""

    def __init__(self, features: Any, truth: Any, loss: Any) -> None:
        self.features, self.truth, self.loss = _checked(features, truth, loss)
        self.rows = self.features.flatten(2).numpy()
        self.true = self.rows[np.arange(len(self)), self.truth].astype(np.float64)
        costs = self.loss.astype(np.float32)
        self._banks = [
            PoseBank(x, cost, route="direct") for x, cost in zip(self.features, costs, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.features)

    def learn(
        self,
        regularization: float,
        which: NDArray[np.int64] | None = None,
        *,
        tolerance: float = 0.02,
        passes: int = 60,
        seed: int = 0,
    ) -> StructuredSVM:
        """:func:`structured_svm` of the examples `which`, by default of all."""
        _check_settings(regularization, tolerance, passes)
        dual = _Dual(self, np.arange(len(self)) if which is None else which, regularization)
        order = np.random.default_rng(seed)
        for done in range(1, passes + 1):
            for j in order.permutation(len(dual.which)).tolist():
                dual.step(j, self._worst(int(dual.which[j]), dual.w))
            if done % _CHECK == 0 or done == passes:
                primal, lower = dual.bounds()
                if primal - lower <= tolerance * primal:
                    break
        near = bool(primal - lower <= tolerance * primal)
        return StructuredSVM(dual.w.reshape(self.features.shape[2:]), primal, lower, done, near)

    def _worst(self, i: int, w: Floats) -> int:
        """The pose of example i that costs most with its loss added."""
        field = torch.from_numpy(w.astype(np.float32)).view(1, *self.features.shape[2:])
        return int(self._banks[i].argmax(field).pose[0, 0, 0])


class _Dual:
    """The dual's point: weights and loss of each example, and their sums."""

    def __init__(self, examples: Examples, which: NDArray[np.int64], lam: float) -> None:
        self.examples, self.which, self.lam = examples, which, lam
        self.parts, self.losses = np.zeros((len(which), examples.rows.shape[2])), np.zeros(len(which))
        self.w = np.zeros(examples.rows.shape[2])

    def step(self, j: int, k: int) -> None:
        """Move the j-th example towards the corner of pose k, as far as the dual rises."""
        all_of, n, i = self.examples, len(self.which), int(self.which[j])
        towards = (all_of.true[i] - all_of.rows[i, k]) / (self.lam * n) - self.parts[j]
        gained = all_of.loss[i, k] / n - self.losses[j]
        slope, bend = gained - self.lam * (towards @ self.w), self.lam * (towards @ towards)
        if slope <= 0:
            return
        share = min(slope / bend, 1.0) if bend > 0 else 1.0
        towards *= share
        self.parts[j] += towards
        self.losses[j] += share * gained
        self.w += towards

    def bounds(self) -> tuple[float, float]:
        """The objective of the weights and of the dual point, after clearing the sums of what rounding left."""
        all_of = self.examples
        self.w = self.parts.sum(0)
        norm = 0.5 * self.lam * float(self.w @ self.w)
        worst = []
        for i in self.which:
            scores = all_of.rows[i].astype(np.float64) @ self.w
            worst.append(float((all_of.loss[i] + scores).max() - all_of.true[i] @ self.w))
        return norm + float(np.mean(worst)), float(self.losses.sum()) - norm


def _checked(features: Any, truth: Any, loss: Any) -> tuple[Tensor, NDArray[np.int64], Floats]:
    psi = features if isinstance(features, Tensor) else torch.from_numpy(np.asarray(features))
    if psi.ndim != 5 or psi.dtype != torch.float32 or 0 in psi.shape:
        found = f"{tuple(psi.shape)} {psi.dtype}"
        raise ValueError(
            f"structured_svm: features must be (n, g, d, H, W) float32, none of them 0, got {found}"
        )
    psi = psi.detach().cpu().contiguous()
    n, g = psi.shape[:2]
    y = np.asarray(truth)
    if y.shape != (n,) or y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= g:
        raise ValueError(f"structured_svm: truth must be {n} indices in 0..{g - 1}, got {truth!r}")
    table = np.asarray(loss, np.float64)
    if table.shape != (n, g):
        raise ValueError(f"structured_svm: loss must be ({n}, {g}), got {table.shape}")
    at_truth = table[np.arange(n), y]
    if not np.isfinite(table).all() or table.min() < 0 or at_truth.any():
        raise ValueError("structured_svm: loss must be finite, not negative and 0 at the truth, got another")
    for i, example in enumerate(psi):
        if not bool(example.isfinite().all()):
            raise ValueError(f"structured_svm: features must be finite, got NaN or infinity in example {i}")
    return psi, y.astype(np.int64), table


def _check_settings(regularization: float, tolerance: float, passes: int) -> None:
    if not (math.isfinite(regularization) and regularization > 0):
        raise ValueError(f"structured_svm: regularization must be above 0, got {regularization!r}")
    if not tolerance >= 0:
        raise ValueError(f"structured_svm: tolerance must be 0 or more, got {tolerance!r}")
    if passes < 1:
        raise ValueError(f"structured_svm: passes must be at least 1, got {passes!r}")
