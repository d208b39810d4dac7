"""The parts of the equivariance study, each made of pieces that an interrupted run finds again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from torch import Tensor

from equivfast import data
from equivfast.groups import Transform, parse
from equivfast.representations import HOG
from equivfast.studies import _composition, _families, _learning, _run
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._example import example
from equivfast.studies._measure import describe
from equivfast.studies._methods import SPARSE
from equivfast.studies._pairs import Learner, Pairs
from equivfast.studies._run import Progress
from equivfast.studies._scene import Photographs, Scene
from equivfast.studies._scenes import TASK_DEGREES, TASK_FACTORS, Scenes
from equivfast.studies._shared import shared
from equivfast.studies._task import TaskCheck
from equivfast.studies._windows import centred


class Study:
    """Photographs, scenes and settings; each method that is named like a part gives that part of the result."""

    def __init__(self, config: EquivarianceConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.phi = HOG(config.cell, config.orientations, config.variant, config.assignment)
        self.photographs = Photographs(config.images, config.test_share, config.seed)
        folder = Path(config.out) / "pieces" if config.out else None
        self.pieces = _run.Pieces(folder, self._identity(), config.resume)
        self.scenes = Scenes(config, self.phi, self.photographs)
        # What cannot work is told before anything runs.
        self.scenes.draw(self._task.cells if "task" in config.parts else None)
        self._main: dict[str, Pairs] = {}
        self._details: dict[str, Pairs] = {}

    def _identity(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, versions, and the very pixels of the photographs."""
        apart = ("out", "resume", "threads", "parts")
        settings = {k: v for k, v in asdict(self.config).items() if k not in apart}
        photos = [*self.photographs.train, *self.photographs.test]
        pixels = {p.name: hashlib.sha256(p.image.tobytes()).hexdigest() for p in photos}
        return {**settings, **_run.versions(), "photographs": pixels}

    def transforms(self) -> dict[str, Any]:
        """The table of all transformations and methods."""
        found = [self.pieces.get(g.name, partial(self._transform, g)) for g in self.config.parsed()]
        return {"transforms": found}

    def _transform(self, g: Transform) -> dict[str, Any]:
        scene, pairs = self.scenes.main, self._pairs(g)
        names = [photo.name for photo in scene.test.photographs]
        described, best = describe(pairs, names, self.config.seed, self.progress)
        name = described["best"]
        if "sizes" in self.config.parts and self.config.sizes and g.name in self.config.detailed:
            # Glyphs of the largest array show most.
            pairs, scene, name = self._detail(g), self.scenes.large, SPARSE.name
            best = Learner(pairs, SPARSE.support or 1).learn(SPARSE)[0]
        described["example"] = example(pairs, best, name, scene.test)
        return described

    def _pairs(self, g: Transform) -> Pairs:
        """The pairs of the table, which the shared maps learn from, too."""
        if g.name not in self._main:
            self._main[g.name] = self.scenes.main.pairs(g, self.progress)
        return self._main[g.name]

    def curves(self) -> dict[str, Any]:
        """Error over angle, scale and shift, from fewer training windows per point."""
        found = {}
        for family, (parameter, values, transforms) in _families.families(self.config.cell).items():
            scene = self.scenes.curve(family)
            points = []
            for done, g in enumerate(transforms):
                self.progress(f"curve of {family}", done, len(transforms))
                points.append(self.pieces.get(f"curve-{g.name}", partial(self._point, g, scene)))
            self.progress(f"curve of {family}", len(transforms), len(transforms))
            scene.forget()
            found[family] = _families.curve(parameter, values, points)
        return {"curves": found}

    def _point(self, g: Transform, scene: Scene) -> dict[str, Any]:
        pairs = scene.pairs(g, _run.silent)
        return _families.measured(pairs, _families.CURVE_METHODS, self.config.seed)

    def _detail(self, g: Transform) -> Pairs:
        if g.name not in self._details:
            self._details[g.name] = self.scenes.large.pairs(g, self.progress)
        return self._details[g.name]

    def sizes(self) -> dict[str, Any]:
        """The detailed transformations on arrays of several sizes."""

        def measured(g: Transform) -> dict[str, Any]:
            self.progress(f"{g.name}: array sizes", 0, 1)
            return _families.by_size(self._detail(g), self.config.sizes, self.config.seed)

        detailed = [parse(text) for text in self.config.detailed] if self.config.sizes else []
        return {"sizes": [self.pieces.get(f"sizes-{g.name}", partial(measured, g)) for g in detailed]}

    def composition(self) -> dict[str, Any]:
        """M_g M_h against M_gh."""

        def measured(text: str) -> dict[str, Any]:
            scene = self.scenes.product(text)
            composed = _composition.compose(text, scene, self.config.seed, self.progress)
            scene.forget()
            return composed

        names = self.config.compositions
        return {"composition": [self.pieces.get(f"product-{t}", partial(measured, t)) for t in names]}

    def shared(self) -> dict[str, Any]:
        """One filter bank for all cells, for every transformation."""

        def measured(g: Transform) -> dict[str, Any]:
            return {"rows": shared(self._pairs(g), self.config.seed)}

        found = [self.pieces.get(f"shared-{g.name}", partial(measured, g)) for g in self.config.parsed()]
        return {"shared": [row for piece in found for row in piece["rows"]]}

    def learning(self) -> dict[str, Any]:
        """Seconds of learning, and pictures of the matrices, for the first detailed transformation."""
        g = self.scenes.timed_transform

        def measured() -> dict[str, Any]:
            self.progress("seconds of learning", 0, 1)
            pairs = self.scenes.timed.pairs(g, self.progress)
            return {"learning": _learning.learning(pairs), "pattern": _learning.patterns(pairs)}

        return self.pieces.get(f"learning-{g.name}", measured)

    @cached_property
    def _task(self) -> TaskCheck:
        """The classifier's images, read once."""
        name = self.config.task
        images = data.faces() if name == "faces" else data.two_classes(name)
        self.photographs.skipped += images.skipped
        return TaskCheck(images, self.phi, self._generic, self.config.seed, self.progress)

    def task(self) -> dict[str, Any]:
        """Does a classifier learned on upright images still work when features are mapped back?"""
        return {"task": self._task.run(TASK_DEGREES, TASK_FACTORS, self.pieces.get)}

    def _generic(self, g: Transform, source: int, target: int) -> tuple[Tensor, Tensor]:
        """phi(g x) and phi(x) of windows of the training photographs."""
        scene = self.scenes.task(self._task.cells)
        turned = scene.train.fields(g, source, _run.silent, "")
        return turned, centred(scene.upright(_run.silent)[0], target)
