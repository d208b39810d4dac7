"""How HOG transforms: M phi(x) against phi(g x) on photographs that the maps have not seen.

Windows are cut from photographs, upright and transformed; what a turn brings in at the corners comes from the
photograph. Maps are learned on windows of some photographs and measured on windows of others (Lenc & Vedaldi 2015,
section 3.1), beside two controls: no map at all, and cells moved with channels left alone.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import torch

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
    images = {name: sorted(names) for name, names in study.scenes.used.items()}
    return _run.provenance(asdict(study.config), images, study.photographs.skipped, seconds)
