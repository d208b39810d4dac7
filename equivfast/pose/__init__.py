"""Poses: templates of one pattern under all transformations that it is looked for in."""

from __future__ import annotations

from equivfast.pose.bank import PoseBank
from equivfast.pose.composed import composed_maps, composition_error
from equivfast.pose.kept import cache_folder
from equivfast.pose.learned import learned_maps, natural_windows
from equivfast.pose.losses import angle_loss, keypoint_loss
from equivfast.pose.refine import cyclic_peaks, parabola
from equivfast.pose.regressor import PoseRegressor
from equivfast.pose.structured_svm import StructuredSVM, structured_svm
from equivfast.pose.templates import adjoint, templates_from_maps

__all__ = [
    "PoseBank",
    "PoseRegressor",
    "StructuredSVM",
    "adjoint",
    "angle_loss",
    "cache_folder",
    "composed_maps",
    "composition_error",
    "cyclic_peaks",
    "keypoint_loss",
    "learned_maps",
    "natural_windows",
    "parabola",
    "structured_svm",
    "templates_from_maps",
]
