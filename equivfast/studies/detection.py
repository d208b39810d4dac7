"""How well the detector finds: photographs turned as a whole, and objects pasted into other photographs.

The detector's maps and its background are learned on other photographs than those that objects and scenes come from,
where the images are the embedded ones.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from equivfast import data
from equivfast._build_info import build_info
from equivfast.data import Photograph
from equivfast.detection import PoseDetector
from equivfast.studies import _object_report, _run
from equivfast.studies._object_scenes import ObjectScene, Subject, cluttered_scene, subjects, turned_scene
from equivfast.studies._object_scores import PoseError, judged, precision_recall, quantiles
from equivfast.studies._run import Progress

__all__ = ["DetectionConfig", "run"]

_LEAST = 0.15  # scores below are not asked for: the curves end there


@dataclass(frozen=True)
class DetectionConfig:
    """Settings of :func:`equivfast.studies.detection.run`.

    Units      images: a folder, or "embedded". alone: objects looked for in their own photographs, turned and scaled;
               scenes and objects: of the clutter, every object is looked for in every scene, `together` of them stand
               in each. pixels: side of an object; size: of a scene; scales: of objects in scenes
    """

    images: str = "embedded"
    alone: int = 100
    objects: int = 12
    scenes: int = 12
    together: int = 3
    pixels: int = 80
    size: int = 400
    scales: tuple[float, float] = (0.7, 1.4)
    threshold: float = 0.35
    seed: int = 0
    out: str | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name in ("alone", "objects", "scenes", "together"):
            if getattr(self, name) < 1:
                raise ValueError(f"detection: {name} must be at least 1, got {getattr(self, name)}")
        if self.together > self.objects:
            raise ValueError(
                f"detection: together must be at most the objects, {self.objects}, got {self.together}"
            )
        smallest, largest = self.scales
        if not 0 < smallest <= largest:
            raise ValueError(f"detection: scales must be (smallest, largest) above 0, got {self.scales}")
        if self.size < 2 * self.pixels * largest:
            least = int(np.ceil(2 * self.pixels * largest))
            raise ValueError(f"detection: size must be at least {least} pixels, got {self.size}")


def run(config: DetectionConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  alone: the best find against what is there; exact within 2 pixels along each axis, 5 degrees and 5 % of
                the scale. clutter: precision and recall over thresholds; a find is right within a fifth of the object's
                size, 15 degrees and a quarter of the scale
    Raises      ValueError for images that cannot be read, are too small or too few, and settings that make no sense
    """
    progress = progress or _run.silent
    started = time.perf_counter()
    photographs, skipped = _photographs(config)
    folder = Path(config.out) / "pieces" if config.out else None
    apart = ("out", "resume")
    settings = {name: value for name, value in asdict(config).items() if name not in apart}
    pixels = [(photo.name, hashlib.sha256(photo.image.tobytes()).hexdigest()) for photo in photographs]
    identity = {**settings, **_run.versions(), "photographs": pixels}
    pieces = _run.Pieces(folder, identity, config.resume)
    alone = pieces.get("alone", lambda: _alone(config, photographs, progress))
    clutter = pieces.get("clutter", lambda: _clutter(config, photographs, progress))
    result = {
        "title": "Finding an object at any place, turn and size",
        "created": _run.now(),
        "threshold": config.threshold,
        "alone": alone,
        "clutter": clutter,
        "provenance": {
            "versions": _run.versions(),
            "seed": config.seed,
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "cpu_level": str(build_info()["cpu_level"]),
            "machine": _run.machine(),
            "images": {"train": sorted(data.split.train), "test": sorted({p.name for p in photographs})},
            "skipped": [list(item) for item in skipped],
            "settings": settings,
            "seconds": {"study": round(time.perf_counter() - started, 2)},
        },
    }
    return _run.plain({**result, **_object_report.words(result)})


def _photographs(config: DetectionConfig) -> tuple[list[Photograph], list[tuple[str, str]]]:
    """Photographs, held out where they are the embedded ones; ValueError for fewer than two."""
    if config.images == "embedded":
        return data.photographs(data.split.test), []
    found = data.folder(config.images)
    if len(found.photographs) < 2:
        raise ValueError(
            f"detection: images must hold at least 2 photographs, got {len(found.photographs)} in {config.images}"
        )
    return list(found.photographs), list(found.skipped)


def _alone(config: DetectionConfig, photographs: list[Photograph], progress: Progress) -> dict[str, Any]:
    """Each object looked for in its own photograph, turned and scaled as a whole."""
    random = np.random.default_rng(config.seed)
    wanted = subjects(photographs, config.alone, config.pixels, config.seed)
    errors, rows, pictures = [], [], []
    for k, subject in enumerate(wanted):
        progress("objects in turned photographs", k, len(wanted))
        scene = turned_scene(subject, k, config.size, config.scales, random)
        detector = PoseDetector.from_template(subject.crop)
        found = detector.detect(scene.image, scales=_searched(config), threshold=_LEAST)
        error = PoseError.of(found[0], scene.placed[0]) if found else None
        errors += [error] if error else []
        rows.append({"photo": subject.photo.name, "score": found[0].score if found else None,
                     "exact": bool(error and error.exact), "error": asdict(error) if error else None})  # fmt: skip
        pictures.append((bool(error and error.exact), subject, scene, found[:1]))
    progress("objects in turned photographs", len(wanted), len(wanted))
    exact = [error for error in errors if error.exact]
    values = np.array([(e.dx, e.dy, e.degrees, e.scale) for e in exact]).reshape(-1, 4)
    return {
        "count": len(wanted),
        "exact": len(exact) / len(wanted),
        "errors": {
            "pixels": quantiles(values[:, :2].ravel()),
            "degrees": quantiles(values[:, 2]),
            "scale": quantiles(values[:, 3]),
        },
        "rows": rows,
        "pictures": _object_report.chosen(pictures),
    }


def _clutter(config: DetectionConfig, photographs: list[Photograph], progress: Progress) -> dict[str, Any]:
    """Every object looked for in every scene."""
    wanted, scenes = clutter_of(config, photographs)
    detectors = [PoseDetector.from_template(subject.crop) for subject in wanted]
    judgements: list[tuple[float, bool]] = []
    pictures = []
    for n, scene in enumerate(scenes):
        shown = []
        for k, detector in enumerate(detectors):
            if wanted[k].photo.name == scene.background:  # it stands there, too, and nobody pasted it
                continue
            progress("objects in clutter", n * len(detectors) + k, len(scenes) * len(detectors))
            found = detector.detect(scene.image, scales=_searched(config), threshold=_LEAST)
            there = [placed for placed in scene.placed if placed.subject == k]
            judgement = judged(found, there, config.pixels)
            judgements += judgement
            sure = [one for one in found if one.score >= config.threshold]
            right = sum(hit for score, hit in judgement if score >= config.threshold)
            shown.append((k, sure, right == len(there) == len(sure)))
        pictures.append((scene, shown))
    progress("objects in clutter", len(scenes) * len(detectors), len(scenes) * len(detectors))
    objects = sum(len(scene.placed) for scene in scenes)
    curve = precision_recall(judgements, objects)
    sure_hits = [hit for score, hit in judgements if score >= config.threshold]
    return {
        "scenes": len(scenes),
        "subjects": len(wanted),
        "objects": objects,
        "curve": curve,
        "at_threshold": {
            "precision": sum(sure_hits) / len(sure_hits) if sure_hits else None,
            "recall": sum(sure_hits) / objects if objects else None,
        },
        "pictures": _object_report.of_scenes(pictures, wanted),
    }


def clutter_of(
    config: DetectionConfig, photographs: list[Photograph]
) -> tuple[list[Subject], list[ObjectScene]]:
    """The objects and the scenes of the clutter; a scene's background is another photograph than its objects'."""
    random = np.random.default_rng(config.seed + 1)
    wanted = subjects(photographs, config.objects, config.pixels, config.seed + 1, apart=1.0)
    scenes = []
    for n in range(config.scenes):
        background = photographs[n % len(photographs)]
        others = [(k, s) for k, s in enumerate(wanted) if s.photo.name != background.name]
        chosen = random.permutation(len(others))[: config.together]
        given = [others[int(k)] for k in chosen]
        scenes.append(cluttered_scene(background, given, config.size, config.scales, random))
    return wanted, scenes


def _searched(config: DetectionConfig) -> tuple[float, float]:
    """The scales to search: a tenth beyond those that occur."""
    return config.scales[0] / 1.1, config.scales[1] * 1.1
