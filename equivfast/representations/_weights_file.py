"""Weights from files that hold arrays alone: safetensors, NumPy archives, and what torch reads without pickles."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

TORCH = (".pt", ".pth", ".th", ".bin")
_INSIDE = ("state_dict", "model_state_dict", "model")
_COUNTER = "num_batches_tracked"  # of batch norms; matters in training alone


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dictionary in a file, without a leading "module." of all names.

    Definition looked for under "state_dict", "model_state_dict" and "model" as well
    Raises     ValueError, one line with the path, where there is none, or only by running the file's pickles
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".safetensors", ".npz", *TORCH):
        known = ", ".join((".safetensors", ".npz", *TORCH))
        raise ValueError(f"read_weights: path must end in one of {known}, got {os.fspath(path)!r}")
    if not Path(path).is_file():
        raise ValueError(f"read_weights: path must be a file, {os.fspath(path)!r} is not there")
    try:
        content = _content(Path(path), suffix)
    except (SafetensorError, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"read_weights: cannot read {os.fspath(path)!r}: {reason}") from error
    state = _state(content)
    if not state:
        raise ValueError(f"read_weights: path must hold a state dictionary, {os.fspath(path)!r} has none")
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state


def load_weights(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Puts the weights of a file into a model, in the model's own dtype.

    Raises     ValueError where a name is missing or left over, or a shape differs: the first three of each
    """
    state, own = read_weights(path), model.state_dict()
    missing = [name for name in own if name not in state and not name.endswith(_COUNTER)]
    unexpected = [name for name in state if name not in own]
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    wrong = "; ".join(f"{_few(names)} {what}" for what, names in found.items() if names)
    if wrong:
        raise ValueError(
            f"load_weights: path must hold the model's weights, {os.fspath(path)!r} does not: {wrong}"
        )
    model.load_state_dict(state, strict=False)


def _content(path: Path, suffix: str) -> Any:
    if suffix == ".safetensors":
        return load_file(path)
    if suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        except (ValueError, TypeError) as error:
            raise _refused(path) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are refused right afterwards
            return torch.load(path, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise _refused(path) from error


def _refused(path: Path) -> ValueError:
    return ValueError(
        f"read_weights: path must hold arrays alone, {str(path)!r} needs arbitrary objects to be unpickled, which can "
        "run any program: save the model's state_dict()"
    )


def _state(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    for name in _INSIDE:
        inner = content.get(name)
        if isinstance(inner, Mapping):
            return _state(inner)
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
