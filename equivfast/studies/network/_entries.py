"""Everything that is known of one layer under one transformation, piece by piece."""

from __future__ import annotations

from functools import partial
from typing import Any

from equivfast.groups import Transform
from equivfast.maps import Map
from equivfast.studies.network._closed import Closed
from equivfast.studies.network._extra import Extra
from equivfast.studies.network._layers import StudiedLayer
from equivfast.studies.network._probes import Probes, pattern
from equivfast.studies.network._study import Study
from equivfast.studies.network._trained import Trainer

_ASKED = ("trained", "invariance", "budget")
_GALLERY = 2  # transformations of each layer that are shown


class Entries:
    """The entries of a study: what the test images said of each map, and what else is asked of it."""

    def __init__(self, study: Study, extra: Extra) -> None:
        self.study, self.extra = study, extra
        self.rows = study.measured()["methods"]
        self.probes = Probes(study)
        self.trainer = Trainer(study)

    def all(self) -> list[dict[str, Any]]:
        study = self.study
        keys = [(layer, g) for layer in study.layers for g in study.transforms]
        found = []
        for done, (layer, g) in enumerate(keys):
            study.progress("layers and transformations", done, len(keys))
            compute = partial(self._entry, layer, g)
            # A run that asks for more has pieces of its own.
            asked = "-".join(part for part in _ASKED if part in study.config.parts)
            found.append(study.pieces.get(f"entry-{layer.name}-{g.name}-{asked}", compute))
        study.progress("layers and transformations", len(keys), len(keys))
        return found

    def best(self, key: tuple[str, str]) -> Closed | None:
        """The closed form that explains most of images which it had not seen."""
        closed = [m for m in self.study.closed[key] if m.role == "closed"]
        return max(closed, key=lambda m: m.held_out) if closed else None

    def _entry(self, layer: StudiedLayer, g: Transform) -> dict[str, Any]:
        key, parts = (layer.name, g.name), self.study.config.parts
        best = self.best(key)
        entry: dict[str, Any] = {
            "layer": layer.name,
            "transform": g.name,
            "methods": list(self.rows[f"{layer.name} under {g.name}"]),
            "best": best.name if best else None,
            "trained": None,
            "invariant": None,
            "eigenspace": None,
            "variance": None,
            "spectrum": None,
            "budget": None,
            "patterns": None,
        }
        if best and self._is_trained(layer, g):
            before = next(row for row in entry["methods"] if row["name"] == best.name)
            entry["trained"], row = self.trainer.entry(layer, g, best, before)
            entry["methods"].append(row)
        narrow = next((m.map for m in self.study.closed[key] if m.name == "1x1"), None)
        if narrow is not None:
            entry["patterns"] = pattern(narrow)
            self._asked(entry, layer, g, narrow, parts)
        return entry

    def _asked(
        self, entry: dict[str, Any], layer: StudiedLayer, g: Transform, m: Map, parts: tuple[str, ...]
    ) -> None:
        """Invariance, spectrum and error budget of the map of single cells."""
        if "invariance" in parts:
            entry["invariant"] = self.probes.invariant(layer, g, m)
            entry["variance"] = self.probes.variance(layer, g)
            entry["spectrum"] = self.probes.spectrum(m)
            entry["eigenspace"] = self.probes.eigenspace(m, self.extra.thresholds[layer.name])
        if "budget" in parts:
            entry["budget"] = self.probes.budget(layer, g, m)

    def _is_trained(self, layer: StudiedLayer, g: Transform) -> bool:
        config = self.study.config
        wanted = "all" in config.trained or g.name in config.trained
        return "trained" in config.parts and wanted and self.trainer.possible(layer)

    def gallery(self) -> list[dict[str, Any]]:
        """A few channels of each layer, before and after the best map."""
        shown = []
        for layer in self.study.layers:
            for g in self.study.transforms[1 : 1 + _GALLERY] or self.study.transforms:
                best = self.best((layer.name, g.name))
                if best and layer.grid.height > 1:
                    shown.append(self.probes.gallery(layer, g, best.map))
        return shown
