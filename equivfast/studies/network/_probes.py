"""What is asked of each map beside its residual: invariance, spectrum, error budget, Lie derivative, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast import measures, report
from equivfast.groups import Transform
from equivfast.maps import Map
from equivfast.studies.network._layers import StudiedLayer
from equivfast.studies.network._measured import hits
from equivfast.studies.network._probe_fields import ProbeFields
from equivfast.studies.network._study import Study

TOLERANCE = 0.05
_DERIVED = 24  # images of the Lie derivatives: each takes several passes
_SHOWN = 3  # channels of the gallery
_PIXELS = 96  # at least, of the side of a picture
GENERATORS = ("shift-x", "shift-y", "rotation", "scaling")


class Probes:
    """The probe images of a study, their fields, and what is measured on them."""

    def __init__(self, study: Study) -> None:
        self.study = study
        count = min(study.config.probe_images, len(study.test))
        self.images = study.test.at(slice(0, count))
        self.labels = study.test.labels[:count]
        self.fields = ProbeFields(study.network, study.moves, self.images, study.config.batch_size)

    def invariant(self, layer: StudiedLayer, g: Transform, m: Map) -> dict[str, Any] | None:
        """The paper's count of invariant channels; None where not everything flows through the layer."""
        if not layer.complete:
            return None
        size = self.study.config.batch_size
        fields, images = self.fields.moved(layer.name, g).split(size), self.fields.moved_images(g).split(size)

        def accuracy(undo: Callable[..., Any]) -> float:
            with torch.no_grad():
                logits = [
                    self.study.network.resume(layer.name, undo(field), x)
                    for field, x in zip(fields, images, strict=True)
                ]
            return float(hits(torch.cat(logits), self.labels)[:, 0].mean())

        found = measures.invariant_channels(m, accuracy, accuracy(m), TOLERANCE)
        return {
            "count": found.count,
            "channels": layer.channels,
            "accuracy": found.accuracy,
            "tolerance": TOLERANCE,
        }

    def variance(self, layer: StudiedLayer, g: Transform) -> float | None:
        """Mean over channels of the variance between x and g x, by the variance between images."""
        stack = torch.stack([self.fields.upright(layer.name), self.fields.moved(layer.name, g)])
        if stack.shape[1] < 2:
            return None
        ratio = measures.variance_ratio(stack)
        finite = ratio[np.isfinite(ratio)]
        return float(finite.mean()) if len(finite) else None

    def eigenspace(self, m: Map, threshold: float) -> dict[str, Any]:
        found = measures.invariant_dimension(m, threshold)
        return {"dimension": found, "channels": m.channels[0], "threshold": threshold}

    def spectrum(self, m: Map) -> list[list[float]]:
        return [[float(v.real), float(v.imag)] for v in measures.spectrum(m)]

    def budget(self, layer: StudiedLayer, g: Transform, m: Map) -> dict[str, Any]:
        """Where the residual of the map comes from."""
        phi = self.study.network.layer(layer.name)
        found = measures.error_budget(
            phi, g, self.images, map=m, grid=layer.grid, seed=self.study.config.seed
        ).as_dict()
        return {name: found[name] for name in ("total", "border", "interpolation", "phase", "real")}

    def lie(self) -> dict[str, Any]:
        """The local equivariance error of every layer, for every generator."""
        values: list[list[float]] = []
        for done, generator in enumerate(GENERATORS):
            self.study.progress("Lie derivatives", done, len(GENERATORS))
            row = []
            for layer in self.study.layers:
                error = measures.lie_error(
                    self.study.network.layer(layer.name), self.images[:_DERIVED], generator
                )
                row.append(float(error.total))
            values.append(row)
        self.study.progress("Lie derivatives", len(GENERATORS), len(GENERATORS))
        names = [layer.name for layer in self.study.layers]
        return {"generators": list(GENERATORS), "layers": names, "values": values}

    def gallery(self, layer: StudiedLayer, g: Transform, m: Map) -> dict[str, Any]:
        """An image, the same one transformed, and a few channels before and after the map."""
        field, moved = self.fields.upright(layer.name), self.fields.moved(layer.name, g)
        chosen = field.var((0, 2, 3)).topk(min(_SHOWN, layer.channels)).indices.tolist()
        spread = field[:, chosen].flatten(2).std(2).mean(1)
        k = int(spread.argmax())
        mapped = m(moved[k : k + 1])[0]
        channels = []
        for channel in chosen:
            parts = {"phi_gx": moved[k, channel], "mapped": mapped[channel], "phi_x": field[k, channel]}
            low = min(float(part.min()) for part in parts.values())
            high = max(float(part.max()) for part in parts.values())
            pictures = {name: _picture(_levels(part, low, high)) for name, part in parts.items()}
            channels.append({"channel": channel, **pictures})
        return {
            "layer": layer.name,
            "transform": g.name,
            "image_x": _picture(self._photo(self.images[k])),
            "image_gx": _picture(self._photo(self.fields.moved_images(g)[k])),
            "channels": channels,
        }

    def _photo(self, image: Tensor) -> np.ndarray:
        """The picture that the network was given, in its own colours."""
        how = self.study.test.preprocess
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (how.mean, how.std))
        colours = (image.cpu() * std + mean) / how.scale
        colours = colours.flip(0) if how.bgr else colours
        pixels: np.ndarray = colours.round().clamp(0, 255).movedim(0, -1).numpy().astype(np.uint8)
        return pixels


def pattern(m: Map) -> str:
    """A picture of |A|, channels by channels; the darker the larger."""
    weight = m.weight.toarray() if hasattr(m.weight, "toarray") else m.weight
    taps = (m.support or 1) ** 2
    size = np.sqrt(np.square(weight.reshape(m.channels[1], m.channels[0], taps)).sum(2))
    peak = np.quantile(size, 0.999) or 1.0
    return _picture((255 * (1 - np.clip(size / peak, 0, 1))).astype(np.uint8))


def _levels(part: Tensor, low: float, high: float) -> np.ndarray:
    scale = 255 / (high - low) if high > low else 0.0
    return ((part.cpu().numpy() - low) * scale).clip(0, 255).astype(np.uint8)


def _picture(array: np.ndarray) -> str:
    """Pixels enlarged to squares, so that small fields can be seen."""
    side = math.ceil(_PIXELS / min(array.shape[:2])) if min(array.shape[:2]) < _PIXELS else 1
    return report.png_uri(np.ascontiguousarray(array.repeat(side, 0).repeat(side, 1)))
