"""How well the detector finds: photographs turned as a whole, and objects pasted into other photographs.

The detector's maps and its background are learned on other photographs than those that objects and scenes come from,
where the images are the embedded ones.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from equivfast import data
from equivfast.studies import _detection_trials as trials
from equivfast.studies import _object_report, _run
from equivfast.studies._detection_config import DetectionConfig
from equivfast.studies._run import Progress

__all__ = ["DetectionConfig", "run"]


def run(config: DetectionConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  alone: the best find against what is there; exact within 2 pixels along each axis, 5 degrees and 5 % of
                the scale. clutter: precision and recall over thresholds; a find is right within a fifth of the object's
                size, 15 degrees and a quarter of the scale
    Raises      ValueError for images that cannot be read, are too small or too few, and settings that make no sense
    """
    progress = progress or _run.silent
    started = time.perf_counter()
    photographs, skipped = trials.photographs_of(config)
    folder = Path(config.out) / "pieces" if config.out else None
    apart = ("out", "resume")
    settings = {name: value for name, value in asdict(config).items() if name not in apart}
    pixels = [(photo.name, hashlib.sha256(photo.image.tobytes()).hexdigest()) for photo in photographs]
    identity = {**settings, **_run.versions(), "photographs": pixels}
    pieces = _run.Pieces(folder, identity, config.resume)
    alone = pieces.get("alone", lambda: trials.alone(config, photographs, progress))
    clutter = pieces.get("clutter", lambda: trials.clutter(config, photographs, progress))
    result = {
        "title": "Finding an object at any place, turn and size",
        "created": _run.now(),
        "threshold": config.threshold,
        "alone": alone,
        "clutter": clutter,
        "provenance": _run.provenance(
            asdict(config),
            {"train": sorted(data.split.train), "test": sorted({p.name for p in photographs})},
            skipped,
            {"study": round(time.perf_counter() - started, 2)},
        ),
    }
    return _run.plain({**result, **_object_report.words(result)})
