"""All windows of a study, drawn before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

from equivfast.groups import Transform, identity, parse, rotation, scaling
from equivfast.representations import HOG
from equivfast.studies import _composition, _families
from equivfast.studies._config import EquivarianceConfig
from equivfast.studies._measure import MAX_SUPPORT
from equivfast.studies._scene import Photographs, Scene
from equivfast.studies._windows import cells_needed

TASK_DEGREES = tuple(range(0, 181, 10))
TASK_FACTORS = (0.5, 0.5946, 0.7071, 0.8409, 1.0, 1.1892, 1.4142, 1.6818, 2.0)


class Scenes:
    """The scene of each part of the study; `used` holds the names of the photographs that gave windows."""

    def __init__(self, config: EquivarianceConfig, phi: HOG, photographs: Photographs) -> None:
        self.config, self.phi, self.photographs = config, phi, photographs
        self.used: dict[str, set[str]] = {"train": set(), "test": set()}
        self._drawn: dict[str, Scene] = {}

    def draw(self, task_cells: int | None) -> None:
        """Everything that the config asks for; ValueError where photographs are too small or too few for it."""
        _ = self.main
        parts = self.config.parts
        if "curves" in parts:
            for family in _families.families(self.config.cell):
                self.curve(family)
        if "sizes" in parts and self.config.sizes and self.config.detailed:
            _ = self.large
        if "composition" in parts:
            for text in self.config.compositions:
                self.product(text)
        if "learning" in parts:
            _ = self.timed
        if task_cells is not None:
            self.task(task_cells)

    @property
    def main(self) -> Scene:
        """For the table of all transformations and methods."""
        field, count = self.config.field, self.config.train_windows
        return self._scene("main", self.config.parsed(), field, MAX_SUPPORT, count, field + 4)

    def curve(self, family: str) -> Scene:
        transforms = _families.families(self.config.cell)[family][2]
        return self._scene(
            f"curve of {family}",
            transforms,
            self.config.field,
            _families.CURVE_SUPPORT,
            self.config.curve_windows,
        )

    @property
    def large(self) -> Scene:
        """For the largest array."""
        field, count = max(self.config.sizes), self.config.train_windows
        detailed = [parse(text) for text in self.config.detailed]
        return self._scene("large", detailed, field, _families.CURVE_SUPPORT, count, field + 4)

    def product(self, text: str) -> Scene:
        config, cell = self.config, self.config.cell
        g, h = _composition.split(text)
        cells = _composition.source_cells(text, config.field, cell)
        middle = _composition.middle_cells(text, config.field, cell)
        return self._scene(text, [g, g @ h], config.field, 3, config.curve_windows, cells, [(h, middle)])

    @property
    def timed_transform(self) -> Transform:
        """The transformation whose maps are timed and drawn."""
        return parse(self.config.detailed[0]) if self.config.detailed else self.config.parsed()[0]

    @property
    def timed(self) -> Scene:
        field, count = self.config.field, self.config.train_windows
        return self._scene("timed", [self.timed_transform], field, MAX_SUPPORT, count)

    def task(self, cells: int) -> Scene:
        """Windows that show enough for every transformation of the task, whose fields are cells x cells."""
        transforms = [*map(rotation, TASK_DEGREES), *map(scaling, TASK_FACTORS)]
        looked_at = [(g, cells_needed(g.inverse(), cells, self.config.cell, 3)) for g in transforms]
        return self._scene("task", [identity()], cells, 1, self.config.curve_windows, also=looked_at)

    def _scene(
        self,
        name: str,
        transforms: Sequence[Transform],
        field: int,
        support: int,
        train: int,
        least: int = 1,
        also: Sequence[tuple[Transform, int]] = (),
    ) -> Scene:
        """The scene of that name, drawn once."""
        if name not in self._drawn:
            windows = (train, min(self.config.test_windows, max(1, train // 2)))
            scene = self._drawn[name] = Scene(
                self.photographs, self.phi, transforms, field=field, support=support, windows=windows,
                seed=self.config.seed, least_cells=least, also=also,
            )  # fmt: skip
            for side, used in (("train", scene.train), ("test", scene.test)):
                self.used[side] |= {used.photographs[i].name for i in set(used.photo_of.tolist())}
        return self._drawn[name]
