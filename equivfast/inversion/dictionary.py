"""Pairs of a HOG window and the picture that it describes: read, written, and multiplied by their symmetries."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from equivfast.groups import hflip, identity, rotation, vflip
from equivfast.representations import HOG

CELLS = 5  # along each side of a window
SIDE = 20  # of the picture part: the window's 40 x 40 pixels at half their resolution
# Of either assignment: the windows learned from were mixed.
SETTINGS = HOG(cell=8, orientations=9, variant="uoctti")
FORMAT = "equivfast.hog-inversion"
_FILE = "hog-inversion.safetensors"


@dataclass(frozen=True)
class Dictionary:
    """`features` (K, d * 25) of unit length, channel by channel, and `pictures` (K, 400), both float32; `penalty` is
    the lasso's, `gram` the products of the features."""

    features: Tensor
    pictures: Tensor
    penalty: float
    gram: Tensor


def symmetries() -> list[tuple[Tensor, Tensor, float]]:
    """The eight exact symmetries of HOG that keep a window in place, as (features from, picture from, sign).

    Definition  flips and the half turn move cells, pixels and channels; the negative of a picture exchanges the two
                directions of every orientation. An atom under each of them is an atom as good.
    """
    n, channels = SETTINGS.orientations, SETTINGS.channels
    cells = torch.arange(channels * CELLS**2).view(channels, CELLS, CELLS)
    pixels = torch.arange(SIDE**2).view(SIDE, SIDE)
    negative = torch.arange(channels)
    negative[: 2 * n] = negative[: 2 * n].roll(n)
    found = []
    for sign in (1.0, -1.0):
        for g, axes in ((identity(), ()), (hflip(), (-1,)), (vflip(), (-2,)), (rotation(180), (-2, -1))):
            moved = torch.as_tensor(SETTINGS.channel_action(g))
            from_channel = moved if sign > 0 else moved[negative]
            found.append((cells[from_channel].flip(axes).flatten(), pixels.flip(axes).flatten(), sign))
    return found


def orbit(features: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Every atom under every symmetry, (n, ...) -> (8 n, ...), symmetry by symmetry."""
    moved = symmetries()
    return (
        torch.cat([features[:, source] for source, _, _ in moved]),
        torch.cat([sign * pictures[:, source] for _, source, sign in moved]),
    )


def complete(features: Tensor, pictures: Tensor, penalty: float) -> Dictionary:
    """The dictionary that these atoms and their images under the symmetries make."""
    length = torch.linalg.vector_norm(features, dim=1, keepdim=True).clamp_min(1e-12)
    atoms, patches = orbit(features / length, pictures / length)
    return Dictionary(atoms, patches, penalty, atoms @ atoms.T)


def write(
    path: str | os.PathLike[str], features: Tensor, pictures: Tensor, description: dict[str, Any]
) -> None:
    """Atoms without their images, float16, with a description that holds the `penalty` and how they were learned."""
    halves = {"features": features.half().contiguous(), "pictures": pictures.half().contiguous()}
    save_file(halves, str(path), {FORMAT: json.dumps(description, sort_keys=True)})


def read(path: str | os.PathLike[str]) -> tuple[Dictionary, dict[str, Any]]:
    """The dictionary of a file and its description; ValueError for a file that holds none."""
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(FORMAT)
            if text is None:
                raise ValueError(f"invert: {path} holds no dictionary: it has no entry {FORMAT!r}")
            features, pictures = (file.get_tensor(name).float() for name in ("features", "pictures"))
    except SafetensorError as error:
        raise ValueError(f"invert: {path} holds no dictionary: {error}") from error
    description = json.loads(text)
    return complete(features, pictures, float(description["penalty"])), description


def shipped_file() -> Path:
    """Where the dictionary of this installation lies; tools/train_hog_inversion.py makes it."""
    return Path(str(resources.files("equivfast").joinpath("data", "weights", _FILE)))


@lru_cache(maxsize=1)
def shipped() -> Dictionary:
    return read(shipped_file())[0]
