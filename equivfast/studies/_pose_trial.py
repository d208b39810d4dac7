"""A task tried: learners are fitted to the training heads of every split, and score the test copies."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import data
from equivfast.data import Heads
from equivfast.groups import Transform
from equivfast.maps.workers import apart
from equivfast.pose.regressor import PoseRegressor
from equivfast.pose.turns import refined
from equivfast.representations import HOG
from equivfast.studies import _pose_copies as copies
from equivfast.studies._pose_config import PoseConfig
from equivfast.studies._pose_networks import WINDOWS, NetworkLayer
from equivfast.studies._pose_tasks import Task
from equivfast.studies._run import Pieces, Progress

DIRECT, EQUIVARIANT = LEARNERS = ("direct", "equivariant")
_DIGITS = 6


class Trial:
    """One task and its copies; `scrambled`: content turned at random beforehand, so that there is nothing to learn."""

    def __init__(
        self,
        config: PoseConfig,
        heads: Heads,
        task: Task,
        phi: HOG | NetworkLayer,
        progress: Progress,
        scrambled: bool = False,
    ) -> None:
        self.config, self.task, self.phi, self.progress = config, task, phi, progress
        turns, test_turns = config.turns, config.test_turns
        if task.name == "affine":
            turns, test_turns = config.affine_turns, config.affine_test_turns
        self.train = copies.training(heads, task, turns, config.seed, scrambled)
        self.test = copies.testing(heads, task, test_turns, config.seed, scrambled)
        splits = config.leak_splits if scrambled else config.splits
        self.splits = [self.learned(heads, config, k) for k in range(splits)]
        # Where there is nothing to learn there is nothing to choose by.
        self.lambdas = config.lambdas[:1] if scrambled else config.lambdas
        self.name, self.piece = f"{task.name}{' scrambled' if scrambled else ''}", ""
        if isinstance(phi, NetworkLayer):
            self.name, self.piece = f"{task.name} {phi.name}", f"-{phi.key}"
        self._lock = Lock()
        self._features: dict[str, tuple[PoseRegressor, torch.Tensor, torch.Tensor]] = {}
        self._images: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @staticmethod
    def learned(heads: Heads, config: PoseConfig, split: int) -> NDArray[np.bool_]:
        """Which heads are learned from in a split."""
        return copies.split(heads, config.train, config.seed + split)

    def tested(self, split: int) -> NDArray[np.int64]:
        """The test copies of a split."""
        return np.flatnonzero(~self.splits[split][self.test.head_of])

    def run(self, learner: str, pieces: Pieces) -> list[dict[str, Any]]:
        """Of each split: {"scores": (tested copies, poses), "lambda", "gap": relative, "passes"}."""
        stage, count = f"{self.name}: {learner}", len(self.splits)

        def get(split: int) -> dict[str, Any]:
            name = f"{self.name}{self.piece}-{learner}-{split}"
            return pieces.get(name, partial(self._fit, learner, split))

        # The first one alone: it describes all copies, with all threads.
        found = [get(0)]
        for piece in apart(get, range(1, count)):
            found.append(piece)
            self.progress(stage, len(found), count)
        self._features.pop(learner, None)
        return found

    def _fit(self, learner: str, split: int) -> dict[str, Any]:
        with self._lock:
            described = self._described(learner)
        (piece,) = apart(partial(self._learn, *described), [split])
        return piece

    def _learn(
        self, described: PoseRegressor, train: torch.Tensor, test: torch.Tensor, split: int
    ) -> dict[str, Any]:
        model = copy(described)
        which = np.flatnonzero(self.splits[split][self.train.head_of])
        assert self.train.index is not None
        groups = self.train.heads.groups[self.train.head_of[which]]
        model.fit_features(train[torch.from_numpy(which)], self.train.index[which], groups)
        svm = model.svm_
        return {
            "scores": np.round(model.scores(test[torch.from_numpy(self.tested(split))]), _DIGITS).tolist(),
            "lambda": model.lambda_,
            "gap": svm.gap / svm.primal,
            "passes": svm.passes,
        }

    def _described(self, learner: str) -> tuple[PoseRegressor, torch.Tensor, torch.Tensor]:
        """The learner, and all copies with each pose undone, for all splits."""
        if learner not in self._features:
            if self._images is None:
                size = self.phi.window if isinstance(self.phi, NetworkLayer) else data.WINDOW
                self._images = self.train.images(size=size), self.test.images(size=size)
            model = self.model(learner)
            self.progress(f"{self.name}: {learner}", 0, len(self.splits))
            train, test = (model.features(images) for images in self._images)
            self._features[learner] = (model, train, test)
        return self._features[learner]

    def model(self, learner: str) -> PoseRegressor:
        config = self.config
        windows = config.windows if self.task.name == "rotation" else config.affine_windows
        phi: Any = self.phi
        if isinstance(phi, NetworkLayer):
            phi, windows = phi.phi, min(windows, WINDOWS)
        return PoseRegressor(
            self.task.poses, phi, learner, lambdas=self.lambdas,
            folds=2, windows=windows,
            tolerance=0.05, seed=config.seed, **self.task.learner,
        )  # fmt: skip


class Found:
    """What a learner found on all test copies of all splits, one after the other."""

    def __init__(self, trial: Trial, pieces: list[dict[str, Any]]) -> None:
        self.scores = np.concatenate([np.array(piece["scores"], np.float64) for piece in pieces])
        which = np.concatenate([trial.tested(split) for split in range(len(pieces))])
        self.copy_of, self.head_of = which, trial.test.head_of[which]
        self.truth = [trial.test.poses[i] for i in which]
        self.poses: list[Transform] = refined(trial.task.poses, self.scores)
        grid = [trial.task.poses[k] for k in self.scores.argmax(1)]
        errors: Callable[..., NDArray[np.float64]] = trial.task.errors
        self.errors, self.grid = errors(self.truth, self.poses), errors(self.truth, grid)
