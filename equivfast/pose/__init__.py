"""Poses: templates of one pattern under all transformations that it is looked for in."""

from __future__ import annotations

from equivfast.pose.bank import PoseBank
from equivfast.pose.templates import adjoint, templates_from_maps

__all__ = ["PoseBank", "adjoint", "templates_from_maps"]
