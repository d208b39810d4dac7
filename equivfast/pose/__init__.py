"""Poses: templates of one pattern under all transformations that it is looked for in."""

from __future__ import annotations

from equivfast.pose.bank import PoseBank
from equivfast.pose.learned import cache_folder, learned_maps, natural_windows
from equivfast.pose.templates import adjoint, templates_from_maps

__all__ = [
    "PoseBank",
    "adjoint",
    "cache_folder",
    "learned_maps",
    "natural_windows",
    "templates_from_maps",
]
