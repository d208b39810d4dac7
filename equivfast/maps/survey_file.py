"""Surveys as files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast.report.tensor_file import TensorFile

FILE = TensorFile("survey", version=1, reader="Survey.restore")

States = dict[str, dict[str, Tensor]]


def save(
    path: str | os.PathLike[str],
    description: dict[str, Any],
    images: int,
    notes: dict[str, Any],
    states: States,
) -> None:
    arrays = {
        f"{place}/{name}": part.cpu().numpy()
        for place, state in states.items()
        for name, part in state.items()
    }
    FILE.write(path, {"of": description, "images": images, "notes": notes}, arrays)


def read(path: str | os.PathLike[str], description: dict[str, Any]) -> tuple[int, dict[str, Any], States]:
    """Images, notes and states; ValueError for a file of something else."""
    found, arrays = FILE.read(path)
    if found.get("of") != description:
        raise ValueError(
            f"Survey.restore: {path} must be of the same layers, transforms and settings, it is not"
        )
    states: States = {}
    for name, array in arrays.items():
        place, part = name.rsplit("/", 1)
        states.setdefault(place, {})[part] = torch.from_numpy(np.array(array))
    return int(found["images"]), dict(found["notes"]), states
