"""How well objects are found: the detector, matchTemplate and LINE-MOD on the same scenes, whose objects are known.

Every object is looked for in every scene of other photographs than its own. One average precision takes all objects
together, with one threshold for all of them; another is the mean over objects, each with the threshold that suits it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import detector_rivals as rivals
import numpy as np
import torch
from hog_rivals import opencv_module
from rich.console import Console
from rich.table import Table

import equivfast as ef
from equivfast.data import Photograph
from equivfast.studies._detection_trials import clutter_of
from equivfast.studies._object_scenes import ObjectScene, Subject, subjects, turned_scene
from equivfast.studies._object_scores import PoseError, judged, precision_recall
from equivfast.studies.detection import DetectionConfig

FOLDER = "imagenet_samples"
SEED = 0  # rivals' settings were chosen on scenes of seed 11
BEYOND = 1.1  # scales are searched so far beyond those that occur


@dataclass(frozen=True)
class Way:
    """One way to find: `make` from an example, `find` in an image; thresholds whose precision and recall are shown."""

    name: str
    make: Callable[[Any], Any]
    find: Callable[[Any, Any], Sequence[Any]]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Scenes:
    """What is looked for, and where."""

    config: DetectionConfig
    wanted: list[Subject]
    clutter: list[ObjectScene]
    alone: list[tuple[Subject, ObjectScene]]

    @property
    def scales(self) -> tuple[float, float]:
        return self.config.scales[0] / BEYOND, self.config.scales[1] * BEYOND


@lru_cache(maxsize=1)
def scenes(quick: bool) -> Scenes:
    """Of the test data's photographs where EQUIVFAST_TEST_DATA names them, else of embedded ones that are held out."""
    images, photographs = _photographs(quick)
    small = {
        "objects": 2,
        "scenes": 2,
        "together": 1,
        "size": 140,
        "pixels": 48,
        "scales": (0.9, 1.1),
        "alone": 1,
    }
    sizes: dict[str, Any] = small if quick else {"alone": 4, "objects": 6, "scenes": 6}
    c = DetectionConfig(images=images, seed=SEED, **sizes)
    random = np.random.default_rng(c.seed)
    wanted = subjects(photographs, c.alone, c.pixels, c.seed)
    alone = [(s, turned_scene(s, k, c.size, c.scales, random)) for k, s in enumerate(wanted)]
    return Scenes(c, *clutter_of(c, photographs), alone)


def _photographs(quick: bool) -> tuple[str, list[Photograph]]:
    root = os.environ.get("EQUIVFAST_TEST_DATA")
    if quick or not root:
        return "embedded", ef.data.photographs(ef.data.split.test)
    return FOLDER, list(ef.data.folder(Path(root) / FOLDER).photographs)


def ways(s: Scenes, quick: bool) -> list[Way]:
    """The detector, whole and without alignment, and the rivals that are there."""
    poses = [ef.groups.rotation(15.0 * k) for k in range(24)] if quick else None
    steps = rivals.steps(s.scales)
    angles = dict.fromkeys(rivals.ANGLES, range(0, 360, 15)) if quick else rivals.ANGLES

    made: dict[bytes, ef.PoseDetector] = {}  # for both ways of ours

    def ours(crop: Any) -> ef.PoseDetector:
        key = crop.tobytes()
        if key not in made:
            made[key] = ef.PoseDetector.from_template(crop, poses=poses)
        return made[key]

    found = [
        Way("equivfast", ours, lambda d, x: d.detect(x, scales=s.scales, threshold=0.15), (0.3, 0.35, 0.4)),
        Way("equivfast, align=False", ours,
            lambda d, x: d.detect(x, scales=s.scales, threshold=0.0, align=False), (0.15, 0.2, 0.3)),
    ]  # fmt: skip
    if not rivals.absent("matchTemplate"):
        found.append(Way("matchTemplate", lambda crop: rivals.MatchTemplate(crop, angles["matchTemplate"], steps),
                         lambda d, x: d.detect(x, 0.2), (0.5, 0.6, 0.7)))  # fmt: skip
    if not rivals.absent("LINE-MOD"):
        found.append(Way("LINE-MOD", lambda crop: rivals.LineMod(crop, angles["LINE-MOD"], steps),
                         lambda d, x: d.detect(x, 0.6), (0.8, 0.85, 0.9)))  # fmt: skip
    return found


@lru_cache(maxsize=1)
def quality(quick: bool) -> dict[str, float]:
    """Figures by name, "<way>: <what>"; they are printed as a table, too. On all cores: no time is taken here."""
    s, before = scenes(quick), torch.get_num_threads()
    _set_threads(len(os.sched_getaffinity(0)))
    try:
        found = {way.name: {**_in_clutter(way, s), **_alone(way, s)} for way in ways(s, quick)}
    finally:
        _set_threads(before)
    _print(found, s)
    return {f"{name}: {what}": value for name, row in found.items() for what, value in row.items()}


def _set_threads(count: int) -> None:
    torch.set_num_threads(count)
    cv2 = opencv_module()
    if cv2 is not None:
        cv2.setNumThreads(count)


def _in_clutter(way: Way, s: Scenes) -> dict[str, float]:
    everything: list[tuple[float, bool]] = []
    of_objects, total = [], 0
    for k, subject in enumerate(s.wanted):
        made, judgements, objects = way.make(subject.crop), [], 0
        for scene in s.clutter:
            if scene.background == subject.photo.name:  # it stands there, too, and nobody pasted it
                continue
            there = [placed for placed in scene.placed if placed.subject == k]
            judgements += judged(way.find(made, scene.image), there, s.config.pixels)
            objects += len(there)
        everything += judgements
        total += objects
        if objects:
            of_objects.append(precision_recall(judgements, objects)["average_precision"])
    figures = {
        "average precision": precision_recall(everything, total)["average_precision"],
        "mean over objects": float(np.mean(of_objects)),
    }
    for threshold in way.thresholds:
        hits = [hit for score, hit in everything if score >= threshold]
        if hits:
            figures[f"precision at {threshold:g}"] = sum(hits) / len(hits)
        figures[f"recall at {threshold:g}"] = sum(hits) / total
    return figures


def _alone(way: Way, s: Scenes) -> dict[str, float]:
    """How often the best find in the object's own photograph, turned and scaled as a whole, is right."""
    exact = near = 0
    for subject, scene in s.alone:
        found = max(way.find(way.make(subject.crop), scene.image), key=lambda one: one.score, default=None)
        error = PoseError.of(found, scene.placed[0]) if found else None
        exact += bool(error and error.exact)
        near += bool(error and error.same(scene.placed[0].scale * s.config.pixels))
    return {"alone, exact": exact / len(s.alone), "alone, found": near / len(s.alone)}


def _print(found: dict[str, dict[str, float]], s: Scenes) -> None:
    objects = sum(len(scene.placed) for scene in s.clutter)
    title = (
        f"{len(s.wanted)} objects in {len(s.clutter)} scenes, {objects} pasted in; {len(s.alone)} alone; "
        f"photographs: {s.config.images}"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    plain = ("average precision", "mean over objects", "alone, exact", "alone, found")
    for heading in ("", *plain, "threshold: precision, recall"):
        table.add_column(heading, justify="right" if heading in plain else "left")
    for name, row in found.items():
        at = [what.removeprefix("recall at ") for what in row if what.startswith("recall")]
        pairs = (f"{t}: {_shown(row.get(f'precision at {t}'))}, {_shown(row[f'recall at {t}'])}" for t in at)
        table.add_row(name, *(f"{row[what]:.3f}" for what in plain), "; ".join(pairs))
    for method in rivals.ANGLES:
        if rivals.absent(method):
            table.add_row(method, *("" for _ in plain), str(rivals.absent(method)))
    Console(width=160, highlight=False).print(table)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
