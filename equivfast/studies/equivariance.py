"""How HOG transforms: M phi(x) against phi(g x) on photographs that the maps have not seen.

Windows are cut from photographs, upright and transformed; what a turn brings in at the corners comes from the
photograph. Maps are learned on windows of some photographs and measured on windows of others (Lenc & Vedaldi 2015,
section 3.1), beside two controls: no map at all, and cells moved with channels left alone.
"""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from equivfast import data
from equivfast._build_info import build_info
from equivfast.groups import Transform, rotation, scaling
from equivfast.representations import HOG
from equivfast.studies import _findings, _run
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._errors import INTERVAL
from equivfast.studies._measure import TransformStudy
from equivfast.studies._methods import CURVE_METHODS
from equivfast.studies._run import Progress
from equivfast.studies._windows import WindowSet, cells_needed, pixel_reach

__all__ = ["EquivarianceConfig", "run"]

CURVE_DEGREES = (0, 15, 30, 45, 60, 75, 90, 120, 150, 180)
CURVE_FACTORS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.4)
# Below this standard deviation (grey values 0..255) a window shows sensor noise and compression, not a scene.
_MIN_CONTRAST = 4.0


def run(config: EquivarianceConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Runs the study and returns its result, ready for JSON and for the report.

    Definition  error: mean over cells of the Hellinger distance between M phi(x) and phi(g x), held-out windows
    Raises      ValueError for images that cannot be read or are too small, and settings that make no sense
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    study = _Study(config, progress or _run.silent)
    started = time.perf_counter()
    transforms = [study.transform(g) for g in config.parsed()]
    curves = study.curves() if config.curve_windows else {}
    result = {
        "title": "How HOG transforms",
        "created": _run.now(),
        "representation": study.phi.settings,
        "interval": INTERVAL,
        "transforms": transforms,
        "curves": curves,
        **_findings.of(transforms),
    }
    result["provenance"] = study.provenance(time.perf_counter() - started)
    return _run.plain(result)


class _Study:
    def __init__(self, config: EquivarianceConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.phi = HOG(config.cell, config.orientations, config.variant, config.assignment)
        self.skipped: list[tuple[str, str]] = []
        self.train_photos, self.test_photos = self._photographs()
        everything = [*config.parsed(), *(self._curve_transforms() if config.curve_windows else [])]
        self.cells = max(cells_needed(g, config.field, config.cell) for g in everything)
        self.train = self._windows(self.train_photos, config.train_windows, config.seed, everything)
        self.test = self._windows(self.test_photos, config.test_windows, config.seed + 1, everything)
        folder = Path(config.out) / "pieces" if config.out else None
        self.pieces = _run.Pieces(folder, self._identity(), config.resume)
        self._upright: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def _identity(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, versions, and the very pixels of the photographs."""
        settings = {k: v for k, v in asdict(self.config).items() if k not in ("out", "resume", "threads")}
        photos = [*self.train_photos, *self.test_photos]
        pixels = {p.name: hashlib.sha256(p.image.tobytes()).hexdigest() for p in photos}
        return {**settings, **_run.versions(), "photographs": pixels}

    def _photographs(self) -> tuple[list[data.Photograph], list[data.Photograph]]:
        if self.config.images == "embedded":
            return data.photographs(data.split.train), data.photographs(data.split.test)
        found = data.folder(self.config.images)
        self.skipped += found.skipped
        self.skipped += [
            (name, "left unread: the photographs before it fill the memory") for name in found.unread
        ]
        split = data.split_by_name(
            [p.name for p in found.photographs], self.config.test_share, self.config.seed
        )
        by_name = {p.name: p for p in found.photographs}
        return [by_name[n] for n in split.train], [by_name[n] for n in split.test]

    def _windows(
        self, photos: list[data.Photograph], count: int, seed: int, transforms: list[Transform]
    ) -> WindowSet:
        pixels = WindowSet.pixels_of(self.cells, self.phi)
        reach = max(pixel_reach(g, pixels) for g in transforms)
        places = data.windows(photos, count, pixels, seed, reach, _MIN_CONTRAST)
        self.skipped += places.left_out
        return WindowSet(photos, places, self.phi, self.cells)

    def transform(self, g: Transform) -> dict[str, Any]:
        def compute() -> dict[str, Any]:
            return self._learn(g, self.train).described()

        return self.pieces.get(g.name, compute)

    def _learn(self, g: Transform, train: WindowSet) -> TransformStudy:
        upright = self._upright.get(len(train.places))
        if upright is None:
            upright = (
                train.fields(None, self.progress, "upright windows"),
                self.test.fields(None, self.progress, "upright held-out windows"),
            )
            self._upright[len(train.places)] = upright
        return TransformStudy(self.config, g, train, self.test, upright, self.progress)

    @staticmethod
    def _curve_transforms() -> list[Transform]:
        return [*map(rotation, CURVE_DEGREES), *map(scaling, CURVE_FACTORS)]

    def curves(self) -> dict[str, Any]:
        """Error over angle and over scale, from fewer training windows per point."""
        few = self.train.sample(self.config.curve_windows, self.config.seed)

        def series(transforms: list[Transform]) -> dict[str, list[float]]:
            points = [self.pieces.get(f"curve-{g.name}", partial(self._point, g, few)) for g in transforms]
            return {m.name: [point[m.name] for point in points] for m in CURVE_METHODS}

        return {
            "rotation": {
                "degrees": list(CURVE_DEGREES),
                "series": series(list(map(rotation, CURVE_DEGREES))),
            },
            "scale": {"factors": list(CURVE_FACTORS), "series": series(list(map(scaling, CURVE_FACTORS)))},
        }

    def _point(self, g: Transform, train: WindowSet) -> dict[str, Any]:
        return dict(self._learn(g, train).point())

    def provenance(self, seconds: float) -> dict[str, Any]:
        def names(windows: WindowSet) -> list[str]:
            return [windows.photographs[i].name for i in sorted(set(windows.photo_of.tolist()))]

        return {
            "versions": _run.versions(),
            "seed": self.config.seed,
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "cpu_level": str(build_info()["cpu_level"]),
            "machine": _run.machine(),
            "images": {"train": names(self.train), "test": names(self.test)},
            "skipped": [list(item) for item in self.skipped],
            "settings": {k: v for k, v in asdict(self.config).items() if k != "out"},
            "seconds": {"study": round(seconds, 2)},
        }
