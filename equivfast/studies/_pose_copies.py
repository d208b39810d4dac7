"""Copies of heads in known poses: to learn from in poses of the set, to test in any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equivfast.data import WINDOW, Heads
from equivfast.groups import Transform, hflip, identity, rotation
from equivfast.maps.workers import apart
from equivfast.studies._pose_tasks import Task


@dataclass(frozen=True, eq=False)
class Copies:
    """n copies: the head of each, its pose, and what was done to the head before it was posed."""

    heads: Heads
    head_of: NDArray[np.int64]
    poses: tuple[Transform, ...]
    before: tuple[Transform, ...]
    index: NDArray[np.int64] | None = None  # of the poses, where they are of the set

    def __len__(self) -> int:
        return len(self.poses)

    def images(self, which: Sequence[int] | None = None, size: int = WINDOW) -> NDArray[np.float32]:
        """(n, size, size)."""
        chosen = range(len(self)) if which is None else which

        def one(i: int) -> NDArray[np.float32]:
            return self.heads.window(int(self.head_of[i]), self.poses[i] @ self.before[i], size)

        return np.stack(list(apart(one, chosen)))


def training(heads: Heads, task: Task, turns: int, seed: int, scrambled: bool = False) -> Copies:
    """Every head in `turns` poses of the set, as it is and mirrored; `scrambled`: turned at random beforehand.

    Every pose is shown equally often, as far as that goes.
    """
    random = np.random.default_rng([seed, 1, scrambled])
    rows = [(i, mirrored) for i in range(len(heads)) for _ in range(turns) for mirrored in (False, True)]
    index = random.permutation(np.arange(len(rows)) % len(task.poses))
    before = [(hflip() if mirrored else identity()) @ _scramble(random, scrambled) for _, mirrored in rows]
    poses = tuple(task.poses[k] for k in index)
    return Copies(heads, np.array([i for i, _ in rows]), poses, tuple(before), index)


def testing(heads: Heads, task: Task, turns: int, seed: int, scrambled: bool = False) -> Copies:
    """Every head in `turns` poses that need not be in the set."""
    random = np.random.default_rng([seed, 2, scrambled])
    head_of = np.repeat(np.arange(len(heads)), turns)
    poses = task.drawn(random, len(head_of))
    return Copies(heads, head_of, poses, tuple(_scramble(random, scrambled) for _ in head_of))


def _scramble(random: np.random.Generator, wanted: bool) -> Transform:
    return rotation(float(random.uniform(0, 360))) if wanted else identity()


def split(heads: Heads, train: int, seed: int) -> NDArray[np.bool_]:
    """Which heads are learned from: whole groups in random order until they are `train`."""
    random = np.random.default_rng([seed, 3])
    learned = np.zeros(len(heads), bool)
    for group in random.permutation(np.unique(heads.groups)):
        members = heads.groups == group
        if learned.sum() + members.sum() <= train:
            learned |= members
    return learned
