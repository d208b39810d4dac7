"""How far a training has come, as a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast.report.tensor_file import TensorFile

# Another number of threads sums in another order.
SAME = 1e-3
PARTS = ("start", "now", "best")
FILE = TensorFile("training", version=1, reader="train")


@dataclass
class State:
    """All that the next epoch depends on, beside the data."""

    start: dict[str, Tensor]
    now: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Any]
    best_epoch: int = 0
    epoch: int = 0  # the last one that is done
    rate: float = 1.0  # times the rate of the settings
    halved: int = 0
    stopped: str = ""
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: str | os.PathLike[str], of: str) -> None:
        arrays = {f"{part}.{name}": t for part in PARTS for name, t in getattr(self, part).items()}
        for number, entries in self.optimizer["state"].items():
            arrays |= {f"optimizer.{number}.{name}": t for name, t in entries.items() if t is not None}
        names = ("best_epoch", "epoch", "rate", "halved", "stopped", "seconds", "history")
        FILE.write(
            path,
            {"of": of, **{name: getattr(self, name) for name in names}},
            {name: torch.as_tensor(t).detach().cpu().numpy() for name, t in arrays.items()},
        )


def read(path: str | os.PathLike[str], of: str, groups: list[dict[str, Any]]) -> State:
    """The state in the file; `groups` are the optimiser's own, which do not change."""
    described, arrays = FILE.read(path)
    found = described.pop("of", None)
    if found != of:
        raise ValueError(f"train: resume must be the file of the same training, got that of another: {path}")
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
    state: dict[int, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        part, rest = name.split(".", 1)
        if part == "optimizer":
            number, entry = rest.split(".")
            state.setdefault(int(number), {})[entry] = torch.from_numpy(array.copy())
        else:
            parts[part][rest] = torch.from_numpy(array.copy())
    try:
        optimizer = {"state": state, "param_groups": groups}
        return State(parts["start"], parts["now"], parts["best"], optimizer, **described)
    except TypeError as error:
        raise FILE.damaged(path, error) from error


def same_start(saved: dict[str, Tensor], made: dict[str, Tensor]) -> bool:
    """Whether a start, in coordinates that come from the data, is that of the file, to rounding."""
    return all(
        float((saved[name] - t.cpu()).abs().max()) <= SAME * (1e-6 + float(t.abs().max()))
        for name, t in made.items()
    )


def fingerprint(settings: Mapping[str, Any], arrays: list[Any]) -> str:
    """What tells one training from another: its settings, its start and its labels."""
    found = hashlib.sha256(repr(sorted(settings.items())).encode())
    for array in arrays:
        plain = np.ascontiguousarray(array)
        found.update(f"{plain.dtype} {plain.shape}".encode())
        found.update(plain.tobytes())
    return found.hexdigest()
