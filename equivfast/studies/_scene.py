"""A scene: training and held-out windows for some transformations, and the pairs of fields that they give."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from equivfast import data
from equivfast.groups import Transform
from equivfast.representations import HOG
from equivfast.studies._pairs import Pairs
from equivfast.studies._run import Progress
from equivfast.studies._windows import WindowSet, cells_needed, pixel_reach, pixels_of

# Below this standard deviation (grey values 0..255) a window shows sensor noise and compression, not a scene.
_MIN_CONTRAST = 4.0


class Photographs:
    """Photographs to learn from and to measure on, and those that could not be used."""

    def __init__(self, images: str, test_share: float, seed: int) -> None:
        self.skipped: list[tuple[str, str]] = []
        if images == "embedded":
            self.train, self.test = data.photographs(data.split.train), data.photographs(data.split.test)
            return
        found = data.folder(images)
        if len(found.photographs) < 2:
            raise ValueError(
                f"equivariance: images must hold at least 2 photographs, one to learn from and one to measure on, "
                f"got {len(found.photographs)} in {images}"
            )
        self.skipped += found.skipped
        reason = "left unread: the photographs before it fill the memory"
        self.skipped += [(name, reason) for name in found.unread]
        split = data.split_by_name([p.name for p in found.photographs], test_share, seed)
        by_name = {p.name: p for p in found.photographs}
        self.train, self.test = [by_name[n] for n in split.train], [by_name[n] for n in split.test]


class Scene:
    """Windows in which all of `transforms` can be learned on field x field cells with `support`.

    Windows are drawn where the photograph holds all that the window and the transformed windows show; `also` are
    more transformations, each of windows of its own number of cells.
    """

    def __init__(
        self,
        photographs: Photographs,
        phi: HOG,
        transforms: Sequence[Transform],
        *,
        field: int,
        support: int,
        windows: tuple[int, int],
        seed: int,
        least_cells: int = 1,
        also: Sequence[tuple[Transform, int]] = (),
    ) -> None:
        self.phi, self.field, self.photographs = phi, field, photographs
        self.cells = max(least_cells, *(cells_needed(g, field, phi.cell, support) for g in transforms))
        pixels = pixels_of(self.cells, phi)
        looked_at = [*((g, field) for g in transforms), *also]
        self._reach = max(
            (pixels - 1) / 2, *(pixel_reach(g, pixels_of(cells, phi)) for g, cells in looked_at)
        )
        self.train = self._windows(photographs.train, windows[0], pixels, seed)
        self.test = self._windows(photographs.test, windows[1], pixels, seed + 1)
        self._upright: tuple[torch.Tensor, torch.Tensor] | None = None

    def _windows(self, photos: list[data.Photograph], count: int, pixels: int, seed: int) -> WindowSet:
        places = data.windows(photos, count, pixels, seed, self._reach, _MIN_CONTRAST)
        self.photographs.skipped += [left for left in places.left_out if left not in self.photographs.skipped]
        return WindowSet(photos, places, self.phi)

    def upright(self, progress: Progress) -> tuple[torch.Tensor, torch.Tensor]:
        """phi(x) of the training and of the held-out windows, computed once."""
        if self._upright is None:
            self._upright = (
                self.train.fields(None, self.cells, progress, "upright windows"),
                self.test.fields(None, self.cells, progress, "upright held-out windows"),
            )
        return self._upright

    def forget(self) -> None:
        """Let go of phi(x); it is computed again when asked for."""
        self._upright = None

    def pairs(self, g: Transform, progress: Progress) -> Pairs:
        """The fields of the upright and of the transformed windows."""
        x_train, x_test = self.upright(progress)
        y_train = self.train.fields(g, self.field, progress, f"{g.name}: windows")
        y_test = self.test.fields(g, self.field, progress, f"{g.name}: held-out windows")
        return Pairs(g, x_train, y_train, x_test, y_test, self.phi, self.test.photo_of)
