"""The figures of a page: each is safe HTML together with the data it shows, and shows nothing else."""

from __future__ import annotations

from equivfast.report.figures.bars import error_bars
from equivfast.report.figures.cells import number
from equivfast.report.figures.curves import accuracy_curves, error_curves, highest
from equivfast.report.figures.figure import Figure
from equivfast.report.figures.finds import ending_table, find_pictures, near_table
from equivfast.report.figures.gaps import gap_bars
from equivfast.report.figures.learning import learning_table
from equivfast.report.figures.matrices import error_table, size_table
from equivfast.report.figures.methods import notable, notable_table, settings_table
from equivfast.report.figures.parts import composition_table, one_method, shared_table
from equivfast.report.figures.photos import photo_errors
from equivfast.report.figures.pose_curves import cumulative_curves, score_curves
from equivfast.report.figures.pose_tables import leak_table, pose_table, time_table
from equivfast.report.figures.precision import finder_table, precision_curves

__all__ = [
    "Figure",
    "accuracy_curves",
    "composition_table",
    "cumulative_curves",
    "ending_table",
    "error_bars",
    "error_curves",
    "error_table",
    "find_pictures",
    "finder_table",
    "gap_bars",
    "highest",
    "leak_table",
    "learning_table",
    "near_table",
    "notable",
    "notable_table",
    "number",
    "one_method",
    "photo_errors",
    "pose_table",
    "precision_curves",
    "score_curves",
    "settings_table",
    "shared_table",
    "size_table",
    "time_table",
]
