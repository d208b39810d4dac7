"""How HOG transforms: M phi(x) against phi(g x) on photographs that the maps have not seen.

Windows are cut from photographs, upright and transformed; what a turn brings in at the corners comes from the
photograph. Maps are learned on windows of some photographs and measured on windows of others (Lenc & Vedaldi 2015,
section 3.1), beside two controls: no map at all, and cells moved with channels left alone.
"""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from equivfast._build_info import build_info
from equivfast.studies import _findings, _run
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._errors import INTERVAL
from equivfast.studies._run import Progress
from equivfast.studies._study import Study

__all__ = ["EquivarianceConfig", "run"]


def run(config: EquivarianceConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  error: mean over cells of the Hellinger distance between M phi(x) and phi(g x), held-out windows
    Raises      ValueError for images that cannot be read, are too small or too few, and settings that make no sense
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    study = Study(config, progress or _run.silent)
    seconds: dict[str, float] = {}
    result: dict[str, Any] = {}
    for part in ("transforms", *config.parts):
        started = time.perf_counter()
        result.update(getattr(study, part)())
        seconds[part] = round(time.perf_counter() - started, 2)
    seconds["study"] = round(sum(seconds.values()), 2)
    result |= {
        "title": "How HOG transforms",
        "created": _run.now(),
        "representation": study.phi.settings,
        "interval": INTERVAL,
        **_findings.of(result),
        "provenance": _provenance(study, seconds),
    }
    return _run.plain(result)


def _provenance(study: Study, seconds: dict[str, float]) -> dict[str, Any]:
    config, used = study.config, study.scenes.used
    return {
        "versions": _run.versions(),
        "seed": config.seed,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "cpu_level": str(build_info()["cpu_level"]),
        "machine": _run.machine(),
        "images": {name: sorted(names) for name, names in used.items()},
        "skipped": [list(item) for item in study.photographs.skipped],
        "settings": {k: v for k, v in asdict(config).items() if k != "out"},
        "seconds": seconds,
    }
