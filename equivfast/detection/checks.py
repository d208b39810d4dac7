"""What a detector cannot be asked."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch

from equivfast.detection.crops import Layout
from equivfast.groups import Transform
from equivfast.representations import HOG, Representation

_SCALES_OF_POSES = (0.4, 2.5)
# Beyond these pixels of an enlarged image memory runs out; an image as it is may be larger.
_MOST_PIXELS = 1 << 27


def similarity(g: Transform) -> bool:
    """Whether g turns, mirrors and scales alone."""
    sizes = np.linalg.svd(g.linear, compute_uv=False)
    return bool(sizes[0] <= sizes[1] * (1 + 1e-9))


def chosen(name: str, phi: Any, representation: Any) -> Any:
    """HOG, with the settings of `phi` where it is given, or another representation; ValueError for anything else."""
    if representation is None:
        if phi is not None and not isinstance(phi, HOG):
            raise ValueError(f"{name}: phi must be a HOG representation or None, got {type(phi).__name__}")
        return HOG() if phi is None else phi
    if phi is not None:
        raise ValueError(f"{name}: phi must be None where a representation is given, got {phi}")
    if not isinstance(representation, Representation):
        kind = type(representation).__name__
        raise ValueError(
            f"{name}: representation must be a Layer, another representation or None, got {kind}"
        )
    if not isinstance(representation, Hashable):
        kind = type(representation).__name__
        raise ValueError(f"{name}: representation must be hashable, got {kind}, which is not")
    return representation


def parts(name: str, poses: Sequence[Transform], phi: Any) -> None:
    """ValueError for poses and representations that a detector cannot be made of."""
    if isinstance(phi, HOG) and phi.variant == "dpm":
        raise ValueError(f"{name}: phi must not be of variant dpm, which leaves cells out, got {phi}")
    if not poses or not all(isinstance(g, Transform) for g in poses):
        raise ValueError(f"{name}: poses must be transformations, at least one, got {list(poses)!r}")
    moved = [g.name for g in poses if g.offset.any()]
    if moved:
        raise ValueError(f"{name}: poses must leave the example's middle where it is, got {moved[0]}")


def shown(name: str, patches: torch.Tensor) -> None:
    """ValueError for examples, patches (n, c, h, w), that show nothing."""
    if bool((patches == patches[:, :, :1, :1]).all()):
        raise ValueError(f"{name}: the example must show edges, got one without")


def fields(name: str, of_examples: torch.Tensor) -> None:
    """ValueError for features of examples from which there is nothing to learn."""
    if not float(of_examples.abs().max()):
        raise ValueError(f"{name}: the example must show edges, got one without")
    if len(of_examples) > 1 and bool((of_examples == of_examples[:1]).all()):
        raise ValueError(f"{name}: examples must differ, got {len(of_examples)} that are all alike")


def most_cells(name: str, poses: Sequence[Transform], side: int) -> int:
    """How many cells an example may have along a side, so that the poses leave it on a canvas of `side` cells."""
    sizes = np.array([np.linalg.svd(g.linear, compute_uv=False) for g in poses])
    smallest, largest = _SCALES_OF_POSES
    extreme = [g.name for g, s in zip(poses, sizes, strict=True) if s[1] < smallest or s[0] > largest]
    if extreme:
        raise ValueError(
            f"{name}: poses must scale by {smallest} to {largest} (`detect` searches sizes), got {extreme[0]}"
        )
    return int(side / max(float(sizes.max()), 1.0) + 1e-6)


def search(
    layout: Layout, planes: torch.Tensor, scales: Any, threshold: Any, most: Any
) -> tuple[float, float]:
    """The scales, as floats; ValueError for what `PoseDetector.detect` cannot be asked."""
    name = "PoseDetector.detect"
    try:
        smallest, largest = (float(scale) for scale in scales)
    except (TypeError, ValueError):
        smallest, largest = 0.0, 0.0
    if not 0 < smallest <= largest < float("inf"):
        raise ValueError(f"{name}: scales must be (smallest, largest), both above 0, got {scales!r}")
    if not (isinstance(threshold, float | int | np.number) and -1 <= threshold <= 1):
        raise ValueError(f"{name}: threshold must lie in -1..1, got {threshold!r}")
    whole = isinstance(most, numbers.Integral) and not isinstance(most, bool)
    if most is not None and not (whole and most >= 1):
        raise ValueError(f"{name}: most must be a whole number, 1 or more, or None, got {most!r}")
    height, width = planes.shape[2:]
    least = min(layout.size) * smallest
    if min(height, width) < least:
        raise ValueError(
            f"{name}: image must be at least {least:.0f} pixels each way to hold the object at scale "
            f"{smallest:g}, got {width} x {height}"
        )
    pixels = height * width * max(layout.scale / smallest, 1.0) ** 2
    if pixels > max(_MOST_PIXELS, height * width):
        raise ValueError(
            f"{name}: scales must not begin so low: at {smallest:g} the image of {width} x {height} would be "
            f"enlarged to {pixels:.2g} pixels, at most {_MOST_PIXELS:.2g} are"
        )
    return smallest, largest
