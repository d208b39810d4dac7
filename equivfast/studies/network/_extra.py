"""A second pass over fewer images: angles, products and inverses of the transformations, and controls."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast import maps, measures
from equivfast.groups import Transform, hflip, identity, parse, rotation, translation, vflip
from equivfast.maps import Map, Survey
from equivfast.representations import Network, models
from equivfast.studies._run import fingerprint
from equivfast.studies.network._config import control
from equivfast.studies.network._measured import hits
from equivfast.studies.network._passes import Pass
from equivfast.studies.network._pictures import Moves
from equivfast.studies.network._probe_fields import ProbeFields
from equivfast.studies.network._study import Study, weights_digest

# Half a pixel each way is where interpolation has most to invent.
_HALF = translation(0.5, 0.5)


_RANDOM = "random weights"
# Of a layer's fields in float64, at most; several of them are held.
_AUDITED_BYTES = 1 << 28
# Products that are these are called so.
_PLAIN = (identity(), hflip(), vflip(), *(rotation(angle) for angle in (90, 180, -90)))
# Of a layer's directions some hardly vary, and of these even a control learns nothing.
_CONTROLLED = 0.75


class ThereAndBack(Moves):
    """Images sampled half a pixel away, and back again: what sampling alone costs."""

    def __call__(self, g: Transform, images: Tensor) -> Tensor:
        return super().__call__(_HALF.inverse(), super().__call__(_HALF, images))


class Extra:
    """Maps of all layers for the curve over angles, for the audit, and for two kinds of control."""

    def __init__(self, study: Study) -> None:
        self.study, self.config = study, study.config
        places = np.arange(len(study.train))
        self.pictures = study.train.part(places[: self.config.extra_images])
        parts = self.config.parts
        self.angles = [rotation(angle) for angle in self.config.angles] if "angles" in parts else []
        self.products = [self._factors(text) for text in self.config.products] if "audit" in parts else []
        self.inverses = [(g, g.inverse()) for g in study.transforms] if "audit" in parts else []
        named = self.config.controls if "control" in parts else ()
        self.others = {_RANDOM if text == "random" else text: self._control(text) for text in named}
        self._surveys: dict[Transform, tuple[Survey, Survey]] = {}
        self._maps: dict[tuple[str, Transform, int], Map] = {}

    @staticmethod
    def _factors(text: str) -> tuple[Transform, Transform]:
        first, second = text.split("*")
        return parse(first), parse(second)

    def _wanted(self) -> list[Transform]:
        """Every transformation once."""
        wanted = [*self.angles]
        for g, h in self.products:
            wanted += [g, h, g @ h]
        for pair in self.inverses:
            wanted += pair
        return list(dict.fromkeys(wanted))

    def _survey(
        self, run: Pass, transforms: list[Transform], support: int, stage: str
    ) -> tuple[Survey, Survey]:
        fit, tune = (
            run.survey(
                part,
                self.study.layers,
                transforms,
                support=support,
                stage=f"{stage}, {name}",
                interpolation=self.config.interpolation,
            )
            for part, name in zip(self.pictures.divided(), ("to fit", "to choose"), strict=True)
        )
        return fit, tune

    def _collected(self, g: Transform) -> tuple[Survey, Survey]:
        """The sums of a transformation; one at a time where all together would not fit."""
        if not self._surveys:
            wanted = self._wanted()
            surveyed = {layer.name: layer.surveyed for layer in self.study.layers}
            whole = sum(maps.survey_bytes(surveyed, len(wanted), self.config.support).values())
            parts = max(1, -(-2 * whole // self.config.memory))
            size = -(-len(wanted) // parts)
            for start in range(0, len(wanted), size):
                some = wanted[start : start + size]
                both = self._survey(self.study.passes, some, self.config.support, "angles and products")
                self._surveys |= dict.fromkeys(some, both)
        return self._surveys[g]

    def map(self, layer: str, g: Transform, support: int) -> Map:
        """The map that undoes g, ridge chosen on held-out images."""
        key = layer, g, support
        if key not in self._maps:
            fit, tune = (survey.statistics(layer, g) for survey in self._collected(g))
            self._maps[key] = maps.ridge_path(fit, tune, support=support)
        return self._maps[key]

    def curve(self) -> dict[str, Any]:
        """Accuracy over rotations: none, and with each layer's map put in."""
        study = self.study
        layers = [layer for layer in study.layers if layer.complete]
        none: list[float] = []
        series: dict[str, list[float]] = {layer.name: [] for layer in layers}
        for done, g in enumerate(self.angles):
            study.progress("rotations", done, len(self.angles))
            right: dict[str, list[np.ndarray]] = {name: [] for name in ("", *series)}
            with torch.no_grad():
                for places, images in study.test.batches():
                    moved, labels = study.moves(g, images), study.test.labels[places]
                    right[""].append(hits(study.network.output(moved), labels))
                    fields = study.network.read(moved, list(series))
                    for name, field in fields.items():
                        undone = self.map(name, g, self.config.support)(field)
                        right[name].append(hits(study.network.resume(name, undone, moved), labels))
            none.append(float(np.concatenate(right[""])[:, 0].mean()))
            for name, values in series.items():
                values.append(float(np.concatenate(right[name])[:, 0].mean()))
        study.progress("rotations", len(self.angles), len(self.angles))
        return {"degrees": list(self.config.angles), "none": none, "series": series}

    def audit(self) -> list[dict[str, Any]]:
        """M_g M_h against M_gh, and inverses, for every layer whose cells the transformations carry onto cells."""
        study = self.study
        found = []
        for layer in study.layers:
            size = 8 * layer.channels * layer.grid.height * layer.grid.width
            fields = self._probe_fields(study.network, max(1, _AUDITED_BYTES // size))
            law = [self._law(layer.name, g, h, fields) for g, h in self.products]
            inverse = [self._inverse(layer.name, g, fields) for g, _ in self.inverses]
            found.append({"layer": layer.name, "law": law, "inverse": inverse})
        return found

    def _probe_fields(self, network: Network, most: int | None = None) -> ProbeFields:
        count = self.config.probe_images if most is None else min(most, self.config.probe_images)
        probe = self.study.test.at(slice(0, count))
        return ProbeFields(network, self.study.moves, probe, self.config.batch_size)

    def _law(self, layer: str, g: Transform, h: Transform, fields: ProbeFields) -> dict[str, Any]:
        # Maps undo: (g h)^-1 = h^-1 g^-1, so that g is undone first.
        undo_g, undo_h, undo_gh = (self.map(layer, k, 1) for k in (g, h, g @ h))
        moved, upright = fields.moved(layer, g @ h), fields.upright(layer)
        law = measures.group_law(undo_h, undo_g, undo_gh, (moved.double(), upright.double()))
        both = next((plain for plain in _PLAIN if plain == g @ h), g @ h)
        return {
            "g": g.name,
            "h": h.name,
            "gh": both.name,
            "composed": law.composed,
            "direct": law.direct,
            "gap": law.gap,
        }

    def _inverse(self, layer: str, g: Transform, fields: ProbeFields) -> dict[str, Any]:
        undo, redo = self.map(layer, g, 1), self.map(layer, g.inverse(), 1)
        upright, moved = fields.upright(layer), fields.moved(layer, g)
        gap = measures.inverse_gap(undo, redo, (upright.double(), moved.double()))
        return {"g": g.name, "gap": gap.gap, "condition": gap.condition}

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """How near to 1 an eigenvalue of each layer counts as 1: from images sampled there and back."""
        study = self.study
        run = Pass(study.network, ThereAndBack(study.train.size), study.progress)
        fit, tune = self._survey(run, [identity()], 1, "sampled there and back")
        found = {}
        for layer in study.layers:
            pair = (survey.statistics(layer.name, identity()) for survey in (fit, tune))
            found[layer.name] = measures.control_threshold(maps.ridge_path(*pair, support=1), _CONTROLLED)
        return found

    def _control(self, text: str) -> Network:
        """A network whose layers are as large as the study's; ValueError where they are not."""
        study, config = self.study, self.config
        model, weights = (config.model, "random") if text == "random" else control(text)
        other = models.load(model, weights, seed=config.seed)
        other.model.to(config.device)
        fields = other.read(study.train.at(slice(0, 1)), [layer.name for layer in study.layers])
        for layer in study.layers:
            grid, found = layer.surveyed.grid, tuple(fields[layer.name].shape[1:])
            wanted = (layer.channels, grid.height, grid.width)
            if found != wanted:
                raise ValueError(
                    f"network: controls must have the network's layers, got {text}: {layer.name} is {found}, "
                    f"not {wanted}"
                )
        return other

    def controls(self) -> dict[str, Any]:
        """Residuals of 1x1 maps, learned and measured on the same images in this network and in the controls."""
        named = {name: weights_digest(other) for name, other in self.others.items()}
        return self.study.pieces.get(f"controls {fingerprint(named)}", self._controls)

    def _controls(self) -> dict[str, Any]:
        study = self.study
        own = self._residuals(Pass(study.network, study.moves, study.progress), "control, own weights")
        others = [
            self._residuals(Pass(other, study.moves, study.progress), f"control, {name}")
            for name, other in self.others.items()
        ]
        rows = [
            {
                "layer": layer,
                "transform": g,
                "residual": own[layer, g],
                "controls": [o[layer, g] for o in others],
            }
            for layer, g in own
        ]
        return {"names": list(self.others), "rows": rows}

    @torch.no_grad()
    def _residuals(self, run: Pass, stage: str) -> dict[tuple[str, str], float]:
        fit, tune = self._survey(run, self.study.transforms, 1, stage)
        fields = self._probe_fields(run.network)
        found = {}
        for layer in self.study.layers:
            for g in self.study.transforms:
                pair = (survey.statistics(layer.name, g) for survey in (fit, tune))
                undo, inside = maps.ridge_path(*pair, support=1), torch.from_numpy(self.study.used(layer, g))
                field, moved = fields.upright(layer.name), fields.moved(layer.name, g)
                gap = sum(
                    float((undo(a) - b)[:, :, inside].double().square().sum())
                    for a, b in zip(
                        moved.split(self.config.batch_size), field.split(self.config.batch_size), strict=True
                    )
                )
                used = field[:, :, inside].double()
                spread = float((used - used.mean((0, 2), keepdim=True)).square().sum())
                found[layer.name, g.name] = gap / spread if spread > 0 else 0.0
        return found
