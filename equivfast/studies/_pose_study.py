"""The pose study: its parts, each made of pieces that an interrupted run finds again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from equivfast import data
from equivfast.representations import HOG
from equivfast.studies import _run
from equivfast.studies._pose_config import LEAST_TEST, PoseConfig
from equivfast.studies._pose_copies import training
from equivfast.studies._pose_examples import examples
from equivfast.studies._pose_networks import NetworkLayer, load_layers
from equivfast.studies._pose_rows import Bootstrap, cumulative, row
from equivfast.studies._pose_tasks import Affine, Rotation, Task
from equivfast.studies._pose_timing import timing
from equivfast.studies._pose_trial import DIRECT, EQUIVARIANT, LEARNERS, Found, Trial
from equivfast.studies._run import Progress

NO_POSE = "no pose"
_TIMED_LAMBDA = 1.0


class Study:
    """Heads and settings; `tasks` and `timing` are the parts of the result."""

    def __init__(self, config: PoseConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.phi = HOG()
        self.heads = data.face_heads() if config.heads == "faces" else data.boxed_heads(config.heads)
        if len(self.heads) < config.train + LEAST_TEST:
            raise ValueError(
                f"pose: train must leave at least {LEAST_TEST} heads to test, got {config.train} of "
                f"{len(self.heads)} heads in {config.heads}"
            )
        folder = Path(config.out) / "pieces" if config.out else None
        self.pieces = _run.Pieces(folder, self._identity(), config.resume)
        self.seconds: dict[str, float] = {}
        self.layers = load_layers(config.networks)

    def _identity(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, versions, and the very pixels of the heads."""
        apart = ("out", "resume", "threads", "tasks", "splits", "leak_splits", "timing_images", "networks")
        settings = {k: v for k, v in asdict(self.config).items() if k not in apart}
        return {**settings, **_run.versions(), "pixels": self.heads.fingerprint}

    def describe(self) -> dict[str, Any]:
        """What was shown to whom."""
        train = int(Trial.learned(self.heads, self.config, 0).sum())
        return {
            "name": self.heads.name,
            "images": len(self.heads),
            "window": data.WINDOW,
            "train": train,
            "test": len(self.heads) - train,
            "splits": self.config.splits,
        }

    def tasks(self) -> list[dict[str, Any]]:
        """The tables, curves and examples of every task."""
        found = []
        for name in self.config.tasks:
            with self._timed(name):
                found.append(self._task(self._of(name)))
        return found

    def _of(self, name: str) -> Task:
        config = self.config
        if name == "rotation":
            return Rotation(config.poses, config.seed)
        return Affine(config.affine_poses, config.seed)

    def _task(self, task: Task) -> dict[str, Any]:
        trial = Trial(self.config, self.heads, task, self.phi, self.progress)
        found = {learner: Found(trial, trial.run(learner, self.pieces)) for learner in LEARNERS}
        ours, direct = found[EQUIVARIANT], found[DIRECT]
        draws = Bootstrap(ours.head_of, self.config.seed)
        # The pose of the set that is best for the training copies, whoever is looked at.
        fixed = int(task.table(trial.train.poses).mean(0).argmin())
        errors = {NO_POSE: task.table(ours.truth)[:, fixed], DIRECT: direct.errors, EQUIVARIANT: ours.errors}
        # Poses of other sets than equal turns are taken as they are: there is nothing beside them to tell.
        grids = {DIRECT: direct.grid, EQUIVARIANT: ours.grid} if task.name == "rotation" else {}
        networks = []
        for layer in self.layers if task.name == "rotation" else []:
            theirs = self._of_layer(task, layer)
            rows = {learner: f"{layer.name}, {learner}" for learner in LEARNERS}
            errors |= {name: theirs[learner].errors for learner, name in rows.items()}
            grids |= {name: theirs[learner].grid for learner, name in rows.items()}
            gap = draws.gap(theirs[EQUIVARIANT].errors, theirs[DIRECT].errors)
            networks.append({**layer.describe(), "rows": rows, "gap": gap})
        return {
            "name": task.name,
            "label": task.label,
            "unit": task.unit,
            "near": task.near,
            "poses": len(task.poses),
            "rows": [row(name, e, grids.get(name), task.near, draws) for name, e in errors.items()],
            "gap": draws.gap(ours.errors, direct.errors),
            "networks": networks,
            "leak": self._leak(task) if task.name == "rotation" and self.config.leak_splits else None,
            "cumulative": cumulative(task.limits, errors),
            "scores": examples(trial, direct, ours),
        }

    def _of_layer(self, task: Task, layer: NetworkLayer) -> dict[str, Found]:
        """Both learners on a network's layer, shown the same copies of the same heads."""
        trial = Trial(self.config, self.heads, task, layer, self.progress)
        return {learner: Found(trial, trial.run(learner, self.pieces)) for learner in LEARNERS}

    def _leak(self, task: Task) -> dict[str, float]:
        """The equivariant learner on content turned at random: all it could find is what windows and disc betray."""
        trial = Trial(self.config, self.heads, task, self.phi, self.progress, scrambled=True)
        errors = Found(trial, trial.run(EQUIVARIANT, self.pieces)).errors
        quarter = np.abs((errors + 45) % 90 - 45)
        return {
            "mean": float(errors.mean()),
            "within": float((errors <= task.near).mean()),
            "chance_mean": 90.0,
            "chance_within": task.near / 180,
            "within_quarter": float((quarter <= task.near).mean()),
        }

    def timing(self) -> dict[str, Any] | None:
        """What a pose costs; None where no images were asked for."""
        if not self.config.timing_images:
            return None
        with self._timed("timing"):
            return self.pieces.get(f"timing-{self.config.timing_images}", partial(self._time))

    def _time(self) -> dict[str, Any]:
        self.progress("timing", 0, 1)
        task = self._of("rotation")
        count = min(self.config.timing_images, len(self.heads))
        copies = training(self.heads, task, 1, self.config.seed)
        images = copies.images(range(0, 2 * count, 2))
        model = Trial(self.config, self.heads, task, self.phi, self.progress).model(EQUIVARIANT)
        model.set_params(lambdas=(_TIMED_LAMBDA,), passes=3)
        assert copies.index is not None
        model.fit(images, copies.index[: 2 * count : 2])
        with torch.no_grad():
            found = timing(model, images)
        self.progress("timing", 1, 1)
        return found

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[part] = round(time.perf_counter() - started, 2)
