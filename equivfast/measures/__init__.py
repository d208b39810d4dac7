"""What a map tells, and what a group does to features: spectra, invariant channels, laws, variance, errors."""

from __future__ import annotations

from equivfast.measures.budget import Budget, error_budget
from equivfast.measures.channels import Invariant, PartlyInvariant, channel_scores, invariant_channels
from equivfast.measures.eigenspace import invariant_dimension, invariant_subspace, subspace_angles
from equivfast.measures.group_law import GroupLaw, InverseGap, group_law, inverse_gap
from equivfast.measures.lie import LieError, lie_error
from equivfast.measures.spectrum import control_threshold, spectrum
from equivfast.measures.variance import VarianceRatio, variance_ratio

__all__ = [
    "Budget",
    "GroupLaw",
    "Invariant",
    "InverseGap",
    "LieError",
    "PartlyInvariant",
    "VarianceRatio",
    "channel_scores",
    "control_threshold",
    "error_budget",
    "group_law",
    "invariant_channels",
    "invariant_dimension",
    "invariant_subspace",
    "inverse_gap",
    "lie_error",
    "spectrum",
    "subspace_angles",
    "variance_ratio",
]
