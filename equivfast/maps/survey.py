"""Survey: the sums of many layers under many transformations, from one pass over the images."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from equivfast.groups import Grid, Transform
from equivfast.maps import _check, survey_file
from equivfast.maps.layer_sums import GroupSums, Moved
from equivfast.maps.statistics import Statistics
from equivfast.maps.workers import apart


@dataclass(frozen=True)
class Surveyed:
    """A layer that is surveyed: its channels, and the grid on which its fields lie."""

    channels: int
    grid: Grid


class Survey:
    """Sums over fields of x and of g x, of all layers and transformations g, from which their maps are solved.

    Shapes     update(fields, moved): fields {layer: (n, c, H, W)} of x; moved: one such dict of g x for each g
    Definition for each layer and g the sums of the pairs phi(g x) -> phi(x), what undoes g: `statistics(layer, g)` is
               what `solve` takes, and its maps have g^-1. Cells are moved on the layer's grid; a cell of x is used
               when its own cell of g x lies inside, and `border_cells` cells from the edge. Taps of a support above 1
               that lie outside count as 0, as they do when the map is applied.
    Cost       memory `nbytes` = 8 (p^2 + p c) for each layer and g, p = support^2 c, whatever the number of images;
               2 n cells (p^2 / 2 + p c) operations in float64. `blocks` divides what is too much into several passes.
    Symmetry   `a + b` are the sums of both; a saved survey goes on where it stopped
    Raises     ValueError for fields that do not fit the layers, and NaN or infinite features

    >>> from equivfast.groups import hflip
    >>> from equivfast.maps import solve
    >>> survey = Survey({"conv1": Surveyed(2, Grid.centred(4, 4, stride=1))}, [hflip()])
    >>> x = torch.randn(20, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> survey = survey.update({"conv1": x}, [{"conv1": 2 * x.flip(-1)}])       # a layer that doubles when mirrored
    >>> solve(survey.statistics("conv1", hflip()), "least_squares").weight.round(6).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """

    def __init__(
        self,
        layers: Mapping[str, Surveyed],
        transforms: Sequence[Transform],
        *,
        support: int = 1,
        border_cells: int = 0,
        interpolation: str = "nearest",
        device: torch.device | str = "cpu",
    ) -> None:
        _check.support("Survey", "shared", support)
        if not layers or not transforms:
            raise ValueError(
                f"Survey: layers and transforms must not be empty, got {list(layers)} and {list(transforms)}"
            )
        for name, layer in layers.items():
            if 2 * border_cells >= min(layer.grid.height, layer.grid.width) or border_cells < 0:
                size = f"{layer.grid.height} x {layer.grid.width}"
                raise ValueError(
                    f"Survey: border_cells must leave a cell of the {size} of {name}, got {border_cells}"
                )
        self.layers, self.transforms = dict(layers), list(transforms)
        self.support, self.border_cells, self.interpolation = support, border_cells, interpolation
        self.device, self.images = torch.device(device), 0
        self._groups = {name: self._grouped(layer) for name, layer in self.layers.items()}

    def _grouped(self, layer: Surveyed) -> list[tuple[list[int], GroupSums]]:
        """Transformations that use the same cells share one array of rows."""
        moves = [
            Moved(g.inverse(), layer.grid, self.border_cells, self.interpolation) for g in self.transforms
        ]
        alike: dict[bytes, list[int]] = {}
        for k, move in enumerate(moves):
            alike.setdefault(move.used.tobytes(), []).append(k)
        return [
            (own, GroupSums([moves[k] for k in own], layer.grid, layer.channels, self.support, self.device))
            for own in alike.values()
        ]

    def update(self, fields: Mapping[str, Tensor], moved: Sequence[Mapping[str, Tensor]]) -> Survey:
        """Add the fields of some images; returns the survey itself."""
        if len(moved) != len(self.transforms):
            raise ValueError(
                f"Survey.update: moved must hold {len(self.transforms)} dicts of fields, got {len(moved)}"
            )
        sizes = {len(field) for batch in (fields, *moved) for field in batch.values()}
        if len(sizes) != 1:
            raise ValueError(f"Survey.update: fields must hold as many images each, got {sorted(sizes)}")
        for _ in apart(lambda name: self._update(name, fields, moved), list(self.layers)):
            pass
        self.images += sizes.pop()
        return self

    def _update(self, name: str, fields: Mapping[str, Tensor], moved: Sequence[Mapping[str, Tensor]]) -> None:
        mine, *others = (self._field(name, batch) for batch in (fields, *moved))
        for own, sums in self._groups[name]:
            if not sums.update(mine, [others[k] for k in own]):
                raise ValueError(f"Survey.update: {name} must be finite, got NaN or infinity")

    def _field(self, name: str, batch: Mapping[str, Tensor]) -> Tensor:
        if name not in batch:
            raise ValueError(f"Survey.update: fields must hold {name}, got {', '.join(batch)}")
        layer = self.layers[name]
        field = _check.field("Survey.update", name, batch[name], layer.channels, layer.grid)
        field = field.detach().to(self.device)
        return field if field.dtype == torch.float64 else field.float()

    def statistics(self, layer: str, g: Transform) -> Statistics:
        """Of the pairs phi(g x) -> phi(x): the statistics of a map that undoes g."""
        for own, sums in self._groups.get(layer, []):
            for k, number in enumerate(own):
                if self.transforms[number] == g:
                    return Statistics.of(
                        g.inverse(), self.layers[layer].grid, sums.moments(k), support=self.support,
                        interpolation=self.interpolation, images=self.images,
                    )  # fmt: skip
        known = f"{', '.join(self.layers)} under {', '.join(h.name for h in self.transforms)}"
        raise ValueError(f"Survey.statistics: layer and g must be among {known}, got {layer} under {g.name}")

    def __add__(self, other: Survey) -> Survey:
        """The sums of both streams."""
        if not isinstance(other, Survey):
            return NotImplemented
        if self.description != other.description:
            raise ValueError("Survey: both must be of the same layers, transforms and settings to be added")
        total = copy.copy(self)
        total._groups = {
            name: [
                (own, sums.merged(theirs))
                for (own, sums), (_, theirs) in zip(mine, other._groups[name], strict=True)
            ]
            for name, mine in self._groups.items()
        }
        total.images += other.images
        return total

    @property
    def nbytes(self) -> int:
        """Bytes of the sums."""
        return sum(sums.nbytes for groups in self._groups.values() for _, sums in groups)

    @property
    def description(self) -> dict[str, Any]:
        """What the sums are of, as JSON holds it."""
        return {
            "layers": {
                name: [
                    layer.channels,
                    layer.grid.height,
                    layer.grid.width,
                    layer.grid.stride,
                    *layer.grid.offset,
                ]
                for name, layer in self.layers.items()
            },
            "transforms": [[*map(list, g.matrix)] for g in self.transforms],
            "support": self.support,
            "border_cells": self.border_cells,
            "interpolation": self.interpolation,
        }

    def save(self, path: str | os.PathLike[str], **notes: Any) -> None:
        """Write the sums, and notes (plain JSON), at once or not at all."""
        states = {
            f"{place}/{k}": sums.state
            for place, groups in enumerate(self._groups.values())
            for k, (_, sums) in enumerate(groups)
        }
        survey_file.save(path, self.description, self.images, notes, states)

    def restore(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Go on from a file that `save` wrote; its notes.

        Raises     ValueError for any other file, and for sums of other layers, transformations or settings
        """
        images, notes, states = survey_file.read(path, self.description)
        for place, groups in enumerate(self._groups.values()):
            for k, (_, sums) in enumerate(groups):
                sums.restore(states[f"{place}/{k}"])
        self.images = images
        return notes


def survey_bytes(layers: Mapping[str, Surveyed], transforms: int, support: int = 1) -> dict[str, int]:
    """Bytes that the sums of each layer take at most, known before anything is read.

    >>> survey_bytes({"conv5": Surveyed(256, Grid.centred(13, 13, stride=16))}, 4, support=3)
    {'conv5': 188833792}
    """
    found = {}
    for name, layer in layers.items():
        inputs = layer.channels * support**2
        one = inputs * (inputs + layer.channels) + inputs + 2 * layer.channels
        found[name] = 8 * transforms * one
    return found


def blocks(layers: Mapping[str, Surveyed], transforms: int, support: int, limit: int) -> list[list[str]]:
    """Layers that one pass can take, in order, so that the sums of each pass stay within `limit` bytes.

    Raises     ValueError where a single layer needs more, with what it needs

    >>> layers = {name: Surveyed(64, Grid.centred(8, 8, stride=4)) for name in ("a", "b", "c")}
    >>> blocks(layers, 4, 1, limit=600_000)
    [['a', 'b'], ['c']]
    """
    found: list[list[str]] = []
    used = limit + 1
    for name, need in survey_bytes(layers, transforms, support).items():
        if need > limit:
            raise ValueError(
                f"blocks: limit must hold the sums of {name}, {need} bytes for {transforms} transformations and "
                f"support {support}, got {limit}; survey fewer transformations at a time, or a smaller support"
            )
        if used + need > limit:
            found.append([])
            used = 0
        found[-1].append(name)
        used += need
    return found
