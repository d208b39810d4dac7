"""Fast HOG, and how image representations transform.

>>> import numpy as np
>>> import equivfast as ef
>>> ef.hog(np.zeros((64, 48), np.float32)).shape
(31, 8, 6)
>>> g = ef.groups.rotation(45) @ ef.groups.scaling(0.8)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from equivfast._build_info import build_info, set_cpu_level
from equivfast.ops import PoseResult, feature_transform, hog, pose_argmax

if TYPE_CHECKING:
    from equivfast import (
        data,
        detection,
        groups,
        inversion,
        maps,
        measures,
        nn,
        pose,
        representations,
        studies,
    )
    from equivfast.detection import PoseDetector
    from equivfast.pose import PoseBank

__version__ = "0.1.0"
__all__ = [
    "PoseBank",
    "PoseDetector",
    "PoseResult",
    "__version__",
    "build_info",
    "data",
    "detection",
    "feature_transform",
    "groups",
    "hog",
    "inversion",
    "maps",
    "measures",
    "nn",
    "pose",
    "pose_argmax",
    "representations",
    "set_cpu_level",
    "studies",
]

_ROOMS = (
    "data",
    "detection",
    "groups",
    "inversion",
    "maps",
    "measures",
    "nn",
    "pose",
    "representations",
    "studies",
)

_CLASSES = {"PoseBank": "pose", "PoseDetector": "detection"}


def __getattr__(name: str) -> Any:
    """Rooms are imported when first used: ``import equivfast`` alone stays quick."""
    if name in _CLASSES:
        return getattr(importlib.import_module(f"equivfast.{_CLASSES[name]}"), name)
    if name in _ROOMS:
        return importlib.import_module(f"equivfast.{name}")
    raise AttributeError(f"module 'equivfast' has no attribute {name!r}")
