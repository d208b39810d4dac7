"""Linear maps between feature fields: statistics, solvers, the Map, and how far off it is."""

from __future__ import annotations

from equivfast.maps.collect import collect
from equivfast.maps.error import clipped_share, hellinger, relative_l2
from equivfast.maps.fit import fit, fit_pairs
from equivfast.maps.low_rank import low_rank, low_rank_path
from equivfast.maps.map import Map, load
from equivfast.maps.matching import matched_permutation
from equivfast.maps.module import MapModule
from equivfast.maps.orthogonal import orthogonal
from equivfast.maps.permutation import cells, identity, permutation
from equivfast.maps.quality import r_squared
from equivfast.maps.ridge_path import RIDGE_STRENGTHS, ridge_path
from equivfast.maps.solve import forward_selection_path, solve
from equivfast.maps.statistics import Statistics
from equivfast.maps.survey import Survey, Surveyed, blocks, survey_bytes
from equivfast.maps.task import Trained, Training, train

__all__ = [
    "RIDGE_STRENGTHS",
    "Map",
    "MapModule",
    "Statistics",
    "Survey",
    "Surveyed",
    "Trained",
    "Training",
    "blocks",
    "cells",
    "clipped_share",
    "collect",
    "fit",
    "fit_pairs",
    "forward_selection_path",
    "hellinger",
    "identity",
    "load",
    "low_rank",
    "low_rank_path",
    "matched_permutation",
    "orthogonal",
    "permutation",
    "r_squared",
    "relative_l2",
    "ridge_path",
    "solve",
    "survey_bytes",
    "train",
]
