"""The detection study's pictures and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from equivfast import report
from equivfast.detection import Detection
from equivfast.studies._object_scenes import ObjectScene, Subject

_EACH = 3  # pictures of each kind


def chosen(tried: Sequence[tuple[bool, Subject, ObjectScene, Sequence[Detection]]]) -> list[dict[str, Any]]:
    """Some that were found exactly, and as many that were not, if there are."""
    found: list[dict[str, Any]] = []
    for kind in (True, False):
        for exact, subject, scene, drawn in [one for one in tried if one[0] == kind][:_EACH]:
            picture = report.detections_picture(scene.image, drawn, subject.crop)
            words = f"{subject.photo.name}: " + ("found" if exact else "missed" if drawn else "not found")
            found.append({"kind": "found" if exact else "missed", "words": words, "picture": _small(picture)})
    return found


def of_scenes(
    scenes: Sequence[tuple[ObjectScene, Sequence[tuple[int, Sequence[Detection], bool]]]],
    subjects: Sequence[Subject],
) -> list[dict[str, Any]]:
    """Scenes with all that was found in them; first some where everything was right, then some where not."""
    pictures: list[dict[str, Any]] = []
    right = [one for one in scenes if all(exact for *_, exact in one[1])]
    wrong = [one for one in scenes if not all(exact for *_, exact in one[1])]
    for kind, those in (("found", right[:_EACH]), ("missed", wrong[:_EACH])):
        for scene, shown in those:
            drawn = [one for _, found, _ in shown for one in found]
            amiss = [subjects[k].photo.name for k, _, exact in shown if not exact]
            words = scene.name + (
                f"; not as it should be: an object from {', '.join(amiss)}" if amiss else ""
            )
            picture = report.detections_picture(scene.image, drawn)
            pictures.append({"kind": kind, "words": words, "picture": _small(picture)})
    return pictures


def words(result: dict[str, Any]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]}; every sentence repeats figures of the result."""
    alone, clutter = result["alone"], result["clutter"]
    errors, at = alone["errors"], clutter["at_threshold"]
    headline = [
        {
            "value": f"{alone['exact']:.0%}",
            "text": f"of {alone['count']} objects in turned and scaled photographs are found within 2 pixels, 5° and "
            "5 % of their size",
        },
        {
            "value": f"{errors['degrees']['median']:.1f}°",
            "text": f"is the median error of the angle, {errors['pixels']['median']:.1f} pixels that of a coordinate, "
            f"{errors['scale']['median']:.1%} that of the scale",
        },
        {
            "value": f"{clutter['curve']['average_precision']:.2f}",
            "text": f"is the average precision in clutter: {clutter['objects']} objects in {clutter['scenes']} scenes, "
            f"{clutter['subjects']} looked for in each",
        },
    ]
    findings = []
    if at["precision"] is not None:
        findings.append(
            f"At the default threshold, {result['threshold']:g}, {at['precision']:.0%} of what is reported is right, "
            f"and {at['recall']:.0%} of what is there is reported."
        )
    missed = [row for row in alone["rows"] if row["error"] is None]
    if missed:
        findings.append(
            f"Of {alone['count']} objects in turned photographs {len(missed)} gave no find at all."
        )
    return {"headline": headline, "findings": findings}


def _small(picture: np.ndarray) -> str:
    """A data: address of the picture, at most some 640 pixels wide."""
    step = max(1, int(np.ceil(picture.shape[1] / 900)))
    return report.png_uri(np.ascontiguousarray(picture[::step, ::step]))
