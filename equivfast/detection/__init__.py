"""Detection: one example of an object, found in images wherever it is, however large and however turned."""

from __future__ import annotations

from equivfast.detection.background import Background, natural_background
from equivfast.detection.detector import ROTATIONS, PoseDetector
from equivfast.detection.exemplar import Shape, exemplar_bank
from equivfast.detection.found import Detection

__all__ = [
    "ROTATIONS",
    "Background",
    "Detection",
    "PoseDetector",
    "Shape",
    "exemplar_bank",
    "natural_background",
]
