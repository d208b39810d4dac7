"""What a PoseRegressor is given, checked, and as tensors and indices."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold
from torch import Tensor

from equivfast.groups import Grid, Transform
from equivfast.maps.collect import Features

_NAME = "PoseRegressor"
VARIANTS, LOSSES = ("equivariant", "direct"), ("angle", "keypoints")
_LEAST_CELLS = 3
_SAME = 1e-6  # entries of a matrix


def check_settings(model: Any) -> None:
    """ValueError for settings that make no sense."""
    for name, known in (("variant", VARIANTS), ("loss", LOSSES)):
        if getattr(model, name) not in known:
            raise ValueError(
                f"{_NAME}: {name} must be one of {', '.join(known)}, got {getattr(model, name)!r}"
            )
    poses = model.poses
    if len(poses) < 2 or not all(isinstance(g, Transform) for g in poses):
        raise ValueError(f"{_NAME}: poses must be at least 2 transformations, got {list(poses)!r}")
    if len(set(poses)) < len(poses):
        raise ValueError(f"{_NAME}: poses must differ, got {len(poses)} of which {len(set(poses))} differ")
    if model.loss == "keypoints" and model.points is None:
        raise ValueError(f"{_NAME}: points must be given for the loss 'keypoints', got None")
    if not isinstance(model.phi, Hashable):
        raise ValueError(
            f"{_NAME}: phi must be hashable, or None, got {type(model.phi).__name__}, which is not"
        )
    mirrors = [g.name for g in poses if np.linalg.det(g.linear) <= 0]
    if model.loss == "angle" and mirrors:
        raise ValueError(f"{_NAME}: poses must not mirror for the loss 'angle', got {mirrors[0]}")
    if not _positive(model.lambdas):
        raise ValueError(f"{_NAME}: lambdas must be at least one number above 0, got {model.lambdas!r}")
    for name, least in (("folds", 2), ("windows", 1), ("passes", 1)):
        value = getattr(model, name)
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{_NAME}: {name} must be at least {least} and whole, got {value!r}")
    if not isinstance(model.tolerance, Real) or not float(model.tolerance) >= 0:
        raise ValueError(f"{_NAME}: tolerance must be a number of 0 or more, got {model.tolerance!r}")


def _positive(numbers: Any) -> bool:
    """Whether there is a list of them, above 0 and finite."""
    listed = numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
    if not isinstance(listed, Sequence) or not len(listed):
        return False
    return all(isinstance(number, Real) and 0 < float(number) < math.inf for number in listed)


def check_described(model: Any) -> None:
    """`check_settings`; NotFittedError for a model that has described no images, and so knows no disc and no maps."""
    check_settings(model)
    if not hasattr(model, "disc_"):
        raise NotFittedError(f"{_NAME}: features must be called before fit_features, or fit in place of both")


def images(values: Any, least: int, size: int | None = None) -> Tensor:
    """Images as float32 (n, h, h); ValueError for what cannot be learned from."""
    if isinstance(values, list | tuple):
        shapes = list(dict.fromkeys(tuple(np.shape(image)) for image in values))
        if len(shapes) > 1:
            raise ValueError(f"{_NAME}: images must have one size, got {shapes[0]} and {shapes[1]}")
        values = (
            np.stack([np.asarray(image) for image in values])
            if shapes
            else np.zeros((0, size or 1, size or 1))
        )
    x = values if isinstance(values, Tensor) else _tensor(np.asarray(values))
    if x.ndim != 3 or x.shape[1] != x.shape[2]:
        raise ValueError(f"{_NAME}: images must be square, (n, h, h), got {tuple(x.shape)}")
    if not (x.dtype == torch.uint8 or x.dtype.is_floating_point):
        raise ValueError(f"{_NAME}: images must be floats or uint8, got {x.dtype}")
    if size is not None and x.shape[1] != size:
        raise ValueError(f"{_NAME}: images must be {size} x {size} as in fit, got {tuple(x.shape[1:])}")
    if len(x) < least:
        raise ValueError(f"{_NAME}: images must be at least {least}, got {len(x)}")
    x = x.detach().cpu().float() / (255 if x.dtype == torch.uint8 else 1)
    bad = (~x.isfinite()).flatten(1).any(1).nonzero()
    if len(bad):
        raise ValueError(f"{_NAME}: images must be finite, got NaN or infinity in image {int(bad[0])}")
    if least > 1 and bool((x == x[0]).all()):
        raise ValueError(f"{_NAME}: images must differ, got {len(x)} that are all alike")
    return x


def _tensor(values: NDArray[Any]) -> Tensor:
    """Arrays of any order of bytes and axes, of those that may not be written to a copy: torch takes none of them."""
    if values.dtype == np.uint8:
        kind: Any = np.uint8
    elif values.dtype.kind == "f":
        kind = np.float32
    else:
        raise ValueError(f"{_NAME}: images must be floats or uint8, got {values.dtype}")
    with np.errstate(over="ignore"):  # infinity is found and named afterwards
        return torch.from_numpy(np.require(values, kind, ["C", "W"]))


def check_grid(phi: Features, size: int) -> None:
    """ValueError for images that cells do not fill evenly around the centre, or too few cells."""
    try:
        grid = phi.grid(size, size)
    except ValueError:
        grid = Grid.centred(1, 1, 1)
    if min(grid.height, grid.width) < _LEAST_CELLS:
        raise ValueError(
            f"{_NAME}: images must hold at least {_LEAST_CELLS} x {_LEAST_CELLS} cells, got {size} x {size} pixels"
        )
    if grid != Grid.centred(grid.height, grid.width, grid.stride):
        raise ValueError(f"{_NAME}: images must be a multiple of the cell wide, got {size} x {size} pixels")


def indices(poses: Any, known: Sequence[Transform], count: int) -> NDArray[np.int64]:
    """The true poses as indices into the set."""
    if isinstance(poses, Transform) or not hasattr(poses, "__len__") or len(poses) != count:
        found = len(poses) if hasattr(poses, "__len__") else repr(poses)
        raise ValueError(f"{_NAME}: poses must be one for each of {count} images, got {found}")
    return np.array([_index(pose, known) for pose in poses], np.int64)


def _index(pose: Any, known: Sequence[Transform]) -> int:
    if isinstance(pose, Transform):
        apart = [float(np.abs(np.subtract(pose.matrix, g.matrix)).max()) for g in known]
        if min(apart) > _SAME:
            raise ValueError(f"{_NAME}: poses must be in the set that is searched, got {pose.name}")
        return int(np.argmin(apart))
    index = np.asarray(pose)
    if index.ndim or index.dtype.kind not in "iu" or not 0 <= index < len(known):
        raise ValueError(
            f"{_NAME}: poses must be transformations or indices in 0..{len(known) - 1}, got {pose!r}"
        )
    return int(index)


def folds(groups: Any, count: int, wanted: int) -> NDArray[np.int64]:
    """The part (n,) in which each image is held out, whole groups together."""
    members = np.arange(count) if groups is None else np.asarray(groups)
    if members.shape != (count,):
        raise ValueError(f"{_NAME}: groups must be one for each of {count} images, got {members.shape}")
    number = min(wanted, len(np.unique(members)))
    if number < 2:
        raise ValueError(f"{_NAME}: groups must be at least 2 to choose lambda, got {number}")
    parts = np.zeros(count, np.int64)
    for part, (_, held) in enumerate(GroupKFold(number).split(members, groups=members)):
        parts[held] = part
    return parts
