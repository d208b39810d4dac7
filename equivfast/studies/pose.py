"""In which pose is a head? Features mapped back against images warped back, for every pose of a set.

Both learners score a pose by what is left when it is undone. One warps the image for each pose and describes it anew;
the other describes the image once and maps its features by what was learned on photographs of other things (Lenc &
Vedaldi 2015, section 3.4). What a turn brings in at the corners is hidden by a disc.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from equivfast import data
from equivfast._build_info import build_info
from equivfast.studies import _pose_findings, _run
from equivfast.studies._pose_config import PoseConfig
from equivfast.studies._pose_rows import INTERVAL
from equivfast.studies._pose_study import Study
from equivfast.studies._run import Progress

__all__ = ["PoseConfig", "run"]


def run(config: PoseConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  heads are divided `splits` times into heads to learn from and heads to test on. Rows: the one pose that
                suits the training copies best, whatever the image shows; the direct learner; the equivariant one.
                Error: degrees between the angles, or how far apart both poses move eyes and nose, in head widths
    Raises      ValueError for heads that cannot be read or are too few, and settings that make no sense
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    study = Study(config, progress or _run.silent)
    result: dict[str, Any] = {
        "title": "The pose of heads from HOG",
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
    config = study.config
    return {
        "versions": _run.versions(),
        "seed": config.seed,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "cpu_level": str(build_info()["cpu_level"]),
        "machine": _run.machine(),
        # Of the photographs that maps are learned from; heads are named by their number or their file.
        "images": {"train": sorted(data.split.train), "test": []},
        "skipped": [list(item) for item in study.heads.skipped],
        "settings": {k: v for k, v in asdict(config).items() if k not in ("out", "resume", "threads")},
        "seconds": {**study.seconds, "study": round(sum(study.seconds.values()), 2)},
    }
