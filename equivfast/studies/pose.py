"""In which pose is a head? Features mapped back against images warped back, for every pose of a set.

Both learners score a pose by what is left when it is undone. One warps the image for each pose and describes it anew;
the other describes the image once and maps its features by what was learned on photographs of other things (Lenc &
Vedaldi 2015, section 3.4). What a turn brings in at the corners is hidden by a disc.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from equivfast import data
from equivfast.studies import _pose_findings, _run
from equivfast.studies._pose_config import PoseConfig
from equivfast.studies._pose_rows import INTERVAL
from equivfast.studies._pose_study import Study
from equivfast.studies._run import Progress

__all__ = ["PoseConfig", "run"]


def run(config: PoseConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  heads are divided `splits` times into heads to learn from and heads to test on. Rows: the one pose that
                suits the training copies best, whatever the image shows; the direct learner; the equivariant one; both
                learners for each layer of `networks`, on the same copies in windows that hold as many cells.
                Error: degrees between the angles, or how far apart both poses move eyes and nose, in head widths
    Raises      ValueError for heads that cannot be read or are too few, and settings that make no sense
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    study = Study(config, progress or _run.silent)
    result: dict[str, Any] = {
        "title": f"The pose of heads from HOG{' and layers of networks' if config.networks else ''}",
        "created": _run.now(),
        "representation": study.phi.settings,
        "heads": study.describe(),
        "tasks": study.tasks(),
        "timing": study.timing(),
        "interval": INTERVAL,
    }
    result |= {**_pose_findings.of(result), "provenance": _provenance(study)}
    return _run.plain(result)


def _provenance(study: Study) -> dict[str, Any]:
    # The photographs are those that maps are learned from; heads are named by their number or their file.
    images = {"train": sorted(data.split.train), "test": []}
    seconds = {**study.seconds, "study": round(sum(study.seconds.values()), 2)}
    return _run.provenance(asdict(study.config), images, study.heads.skipped, seconds)
