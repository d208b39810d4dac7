"""The two trials of the detection study: objects in their own photographs, and in clutter."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from equivfast import data
from equivfast.data import Photograph
from equivfast.detection import PoseDetector
from equivfast.studies import _object_report
from equivfast.studies._detection_config import DetectionConfig
from equivfast.studies._object_scenes import ObjectScene, Subject, cluttered_scene, subjects, turned_scene
from equivfast.studies._object_scores import PoseError, judged, precision_recall, quantiles
from equivfast.studies._run import Progress

_LEAST = 0.15  # scores below are not asked for: the curves end there


def photographs_of(config: DetectionConfig) -> tuple[list[Photograph], list[tuple[str, str]]]:
    """Photographs, held out where they are the embedded ones; ValueError for fewer than two."""
    if config.images == "embedded":
        return data.photographs(data.split.test), []
    found = data.folder(config.images)
    if len(found.photographs) < 2:
        raise ValueError(
            f"detection: images must hold at least 2 photographs, got {len(found.photographs)} in {config.images}"
        )
    return list(found.photographs), list(found.skipped)


def alone(config: DetectionConfig, photographs: list[Photograph], progress: Progress) -> dict[str, Any]:
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


def clutter(config: DetectionConfig, photographs: list[Photograph], progress: Progress) -> dict[str, Any]:
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
