"""The parts of the equivariance study, each made of pieces that an interrupted run finds again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from torch import Tensor

from equivfast import data
from equivfast.groups import Transform, identity, parse, rotation, scaling
from equivfast.representations import HOG
from equivfast.studies import _composition, _families, _learning, _run
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._example import example
from equivfast.studies._measure import MAX_SUPPORT, describe
from equivfast.studies._methods import SPARSE
from equivfast.studies._pairs import Learner, Pairs
from equivfast.studies._run import Progress
from equivfast.studies._scene import Photographs, Scene
from equivfast.studies._shared import shared
from equivfast.studies._task import TaskCheck
from equivfast.studies._windows import cells_needed, centred

TASK_DEGREES = tuple(range(0, 181, 10))
TASK_FACTORS = (0.5, 0.5946, 0.7071, 0.8409, 1.0, 1.1892, 1.4142, 1.6818, 2.0)


class Study:
    """Photographs, scenes and settings; each method that is named like a part gives that part of the result."""

    def __init__(self, config: EquivarianceConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.phi = HOG(config.cell, config.orientations, config.variant, config.assignment)
        self.photographs = Photographs(config.images, config.test_share, config.seed)
        self.used: dict[str, set[str]] = {"train": set(), "test": set()}
        folder = Path(config.out) / "pieces" if config.out else None
        self.pieces = _run.Pieces(folder, self._identity(), config.resume)
        self._details: dict[str, Pairs] = {}
        self._task_cells = 0
        _ = self._main  # photographs that are too small or too few are told before anything runs

    def _identity(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, versions, and the very pixels of the photographs."""
        apart = ("out", "resume", "threads", "parts")
        settings = {k: v for k, v in asdict(self.config).items() if k not in apart}
        photos = [*self.photographs.train, *self.photographs.test]
        pixels = {p.name: hashlib.sha256(p.image.tobytes()).hexdigest() for p in photos}
        return {**settings, **_run.versions(), "photographs": pixels}

    def _scene(
        self,
        transforms: Sequence[Transform],
        field: int,
        support: int,
        train: int,
        least: int = 1,
        also: Sequence[tuple[Transform, int]] = (),
    ) -> Scene:
        windows = (train, min(self.config.test_windows, max(1, train // 2)))
        scene = Scene(
            self.photographs, self.phi, transforms, field=field, support=support, windows=windows,
            seed=self.config.seed, least_cells=least, also=also,
        )  # fmt: skip
        for name, used in (("train", scene.train), ("test", scene.test)):
            self.used[name] |= {used.photographs[i].name for i in set(used.photo_of.tolist())}
        return scene

    def _names(self, scene: Scene) -> list[str]:
        return [photo.name for photo in scene.test.photographs]

    @cached_property
    def _main(self) -> Scene:
        field, count = self.config.field, self.config.train_windows
        scene = self._scene(self.config.parsed(), field, MAX_SUPPORT, count, field + 4)
        return scene

    def transforms(self) -> dict[str, Any]:
        """The table of all transformations and methods."""
        found = [self.pieces.get(g.name, partial(self._transform, g)) for g in self.config.parsed()]
        return {"transforms": found}

    def _transform(self, g: Transform) -> dict[str, Any]:
        pairs = self._main.pairs(g, self.progress)
        described, best = describe(pairs, self._names(self._main), self.config.seed, self.progress)
        shown, scene, name = pairs, self._main, described["best"]
        if g.name in self.config.detailed and self.config.sizes:  # glyphs of the largest array show most
            shown, scene, name = self._detail(g), self._large, SPARSE.name
            best = Learner(shown, SPARSE.support or 1).learn(SPARSE)[0]
        described["example"] = example(shown, best, name, scene.test)
        return described

    def curves(self) -> dict[str, Any]:
        """Error over angle, scale and shift, from fewer training windows per point."""
        found = {}
        for family, (parameter, values, transforms) in _families.families(self.config.cell).items():
            scene = self._scene(
                transforms, self.config.field, _families.CURVE_SUPPORT, self.config.curve_windows
            )
            points = []
            for done, g in enumerate(transforms):
                self.progress(f"curve of {family}", done, len(transforms))
                points.append(self.pieces.get(f"curve-{g.name}", partial(self._point, g, scene)))
            self.progress(f"curve of {family}", len(transforms), len(transforms))
            found[family] = _families.curve(parameter, values, points)
        return {"curves": found}

    def _point(self, g: Transform, scene: Scene) -> dict[str, Any]:
        pairs = scene.pairs(g, _run.silent)
        return _families.measured(pairs, _families.CURVE_METHODS, self.config.seed)

    @cached_property
    def _large(self) -> Scene:
        """Windows for the largest array size."""
        field, support = max(self.config.sizes), _families.CURVE_SUPPORT
        detailed = [parse(text) for text in self.config.detailed]
        return self._scene(detailed, field, support, self.config.train_windows, field + 4)

    def _detail(self, g: Transform) -> Pairs:
        if g.name not in self._details:
            self._details[g.name] = self._large.pairs(g, self.progress)
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
        config, cell = self.config, self.config.cell

        def measured(text: str) -> dict[str, Any]:
            g, h = _composition.split(text)
            cells = _composition.source_cells(text, config.field, cell)
            middle = _composition.middle_cells(text, config.field, cell)
            scene = self._scene([g, g @ h], config.field, 3, config.curve_windows, cells, [(h, middle)])
            return _composition.compose(text, scene, config.seed, self.progress)

        return {
            "composition": [
                self.pieces.get(f"product-{t}", partial(measured, t)) for t in config.compositions
            ]
        }

    def shared(self) -> dict[str, Any]:
        """One filter bank for all cells, for every transformation."""

        def measured(g: Transform) -> dict[str, Any]:
            return {"rows": shared(self._main.pairs(g, self.progress), self.config.seed)}

        found = [self.pieces.get(f"shared-{g.name}", partial(measured, g)) for g in self.config.parsed()]
        return {"shared": [row for piece in found for row in piece["rows"]]}

    def learning(self) -> dict[str, Any]:
        """Seconds of learning, and pictures of the matrices, for the first detailed transformation."""
        g = parse(self.config.detailed[0]) if self.config.detailed else self.config.parsed()[0]

        def measured() -> dict[str, Any]:
            self.progress("seconds of learning", 0, 1)
            pairs = self._scene([g], self.config.field, MAX_SUPPORT, self.config.train_windows).pairs(
                g, self.progress
            )
            return {"learning": _learning.learning(pairs), "pattern": _learning.patterns(pairs)}

        return self.pieces.get(f"learning-{g.name}", measured)

    def task(self) -> dict[str, Any]:
        """Does a classifier learned on upright images still work when features are mapped back?"""
        name, phi = self.config.task, self.phi
        images = data.faces() if name == "faces" else data.two_classes(name)
        self.photographs.skipped += images.skipped

        check = TaskCheck(images, phi, self._generic, self.config.seed, self.progress)
        self._task_cells = check.cells
        return {"task": check.run(TASK_DEGREES, TASK_FACTORS, self.pieces.get)}

    def _generic(self, g: Transform, source: int, target: int) -> tuple[Tensor, Tensor]:
        """phi(g x) and phi(x) of windows of the training photographs."""
        turned = self._task_scene.train.fields(g, source, _run.silent, "")
        return turned, centred(self._task_scene.upright(_run.silent)[0], target)

    @cached_property
    def _task_scene(self) -> Scene:
        """Windows that show enough for every transformation of the task."""
        transforms = [*map(rotation, TASK_DEGREES), *map(scaling, TASK_FACTORS)]
        cells = self._task_cells
        looked_at = [(g, cells_needed(g.inverse(), cells, self.config.cell, 3)) for g in transforms]
        return self._scene([identity()], cells, 1, self.config.curve_windows, also=looked_at)
