"""Examples to look at: the best, the median and the worst of what the equivariant learner found."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equivfast import report
from equivfast.groups import Transform, warp
from equivfast.pose.disc import Disc
from equivfast.pose.losses import angles_of
from equivfast.studies._pose_trial import Found, Trial

_FAILURES = 3


def examples(trial: Trial, direct: Found, equivariant: Found) -> list[dict[str, Any]]:
    """Best, median, and the three largest errors of different heads."""
    order = np.argsort(equivariant.errors, kind="stable")
    worst: list[int] = []
    for k in order[::-1].tolist():
        if len(worst) < _FAILURES and equivariant.head_of[k] not in equivariant.head_of[worst]:
            worst.append(k)
    chosen = [(int(order[0]), "typical"), (int(order[len(order) // 2]), "typical")]
    chosen += [(k, "failure") for k in worst]
    return [_example(trial, direct, equivariant, k, kind) for k, kind in chosen]


def _example(trial: Trial, direct: Found, equivariant: Found, k: int, kind: str) -> dict[str, Any]:
    task, found = trial.task, equivariant.poses[k]
    (image,) = trial.test.images([int(equivariant.copy_of[k])])
    disc = Disc(image.shape[0])
    seen = disc(torch.from_numpy(image))
    return {
        "kind": kind,
        "image": report.png_uri(_picture(seen)),
        "undone": report.png_uri(_picture(_undone(seen, found, disc))),
        "truth": task.words(equivariant.truth[k]),
        "direct": task.words(direct.poses[k]),
        "equivariant": task.words(found),
        "error_direct": float(direct.errors[k]),
        "error_equivariant": float(equivariant.errors[k]),
        "curve": _curve(trial, direct, equivariant, k) if task.name == "rotation" else None,
    }


def _curve(trial: Trial, direct: Found, equivariant: Found, k: int) -> dict[str, Any]:
    degrees = angles_of(trial.task.poses) % 360
    order = np.argsort(degrees)
    truth, found = angles_of([equivariant.truth[k], equivariant.poses[k]]) % 360
    return {
        "degrees": np.round(degrees[order], 6).tolist(),
        "direct": direct.scores[k, order].tolist(),
        "equivariant": equivariant.scores[k, order].tolist(),
        "truth": float(truth),
        "found": float(found),
    }


def _undone(seen: torch.Tensor, found: Transform, disc: Disc) -> torch.Tensor:
    turned: torch.Tensor = torch.as_tensor(warp(seen[None, None], found.inverse())[0])
    return disc(turned[0, 0])


def _picture(image: torch.Tensor) -> NDArray[np.uint8]:
    return (image * 255).round().clamp(0, 255).to(torch.uint8).numpy()
