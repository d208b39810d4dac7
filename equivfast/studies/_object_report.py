"""The detection study's pictures and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivfast import report
from equivfast.detection import Detection
from equivfast.studies._object_scenes import ObjectScene, Subject

_EACH = 3  # pictures of each kind


def chosen(tried: Sequence[tuple[bool, Subject, ObjectScene, Sequence[Detection]]]) -> list[dict[str, Any]]:
    """Some that were found exactly, and as many that were not, if there are."""
    found: list[dict[str, Any]] = []
    for kind in (True, False):
        for exact, subject, scene, drawn in [one for one in tried if one[0] == kind][:_EACH]:
            truth = [] if exact else [placed.corners for placed in scene.placed]
            ending = "found" if exact else "found elsewhere, or not exactly" if drawn else "not found"
            picture = _picture(scene, drawn, subject.crop, truth)
            words = f"{subject.photo.name}: {ending}"
            found.append({"kind": "found" if exact else "missed", "words": words, "picture": picture})
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
            drawn = sorted((one for _, found, _ in shown for one in found), key=lambda one: -one.score)
            amiss = {k for k, _, exact in shown if not exact}
            names = ", ".join(sorted({subjects[k].photo.name for k in amiss}))
            words = scene.name + (f"; not as it should be: from {names}" if amiss else "")
            truth = [placed.corners for placed in scene.placed if placed.subject in amiss]
            pictures.append({"kind": kind, "words": words, "picture": _picture(scene, drawn, None, truth)})
    return pictures


def words(result: dict[str, Any]) -> dict[str, Any]:
    """{"headline": [...], "findings": [...]}; every sentence repeats figures of the result."""
    alone, clutter = result["alone"], result["clutter"]
    errors, at = alone["errors"], clutter["at_threshold"]
    headline = [
        {
            "value": _share(alone["exact"]),
            "text": f"of {alone['count']} objects in turned and scaled photographs are found within 2 pixels, 5° and "
            "5 % of their size",
        },
        {
            "value": f"{clutter['curve']['average_precision']:.2f}",
            "text": f"is the average precision in clutter: {clutter['objects']} objects in {clutter['scenes']} scenes, "
            f"{clutter['subjects']} looked for in each",
        },
    ]
    if alone["exact"]:
        nearness = {
            "value": f"{errors['degrees']['median']:.1f}°",
            "text": f"is the median error of the angle of these, {errors['pixels']['median']:.1f} pixels that of a "
            f"coordinate, {100 * errors['scale']['median']:.1f} % that of the scale",
        }
        headline.insert(1, nearness)
    findings = []
    if at["precision"] is not None:
        findings.append(
            f"At the default threshold, {result['threshold']:g}, {_share(at['precision'])} of what is reported "
            f"is right, and {_share(at['recall'])} of what is there is reported."
        )
    missed = [row for row in alone["rows"] if row["error"] is None]
    if missed:
        findings.append(
            f"Of {alone['count']} objects in turned photographs {len(missed)} gave no find at all."
        )
    return {"headline": headline, "findings": findings}


def _picture(
    scene: ObjectScene, found: Sequence[Detection], example: Any, expected: Sequence[NDArray[np.float64]]
) -> str:
    """A data: address."""
    size = max(scene.image.shape)
    return report.png_uri(
        report.detections_picture(scene.image, found, example, expected=expected, least=size)
    )


def _share(value: float) -> str:
    return f"{value:.0%}".replace("%", " %")
