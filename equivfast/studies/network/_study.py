"""The study of a network: what it reads, the pass over the images, and the closed forms measured on test images."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivfast import data, maps
from equivfast.groups import Transform, grid_action
from equivfast.maps import Statistics
from equivfast.representations import Network, models
from equivfast.studies import _run
from equivfast.studies._run import Progress
from equivfast.studies.network._bootstrap import Bootstrap
from equivfast.studies.network._closed import Closed, closed_forms
from equivfast.studies.network._config import NetworkConfig
from equivfast.studies.network._layers import StudiedLayer, chosen
from equivfast.studies.network._measured import Floats, Scores, accuracy, hits, score
from equivfast.studies.network._passes import Pass, side_by_side
from equivfast.studies.network._pictures import Moves, Pictures

Key = tuple[str, str]  # a layer and the name of a transformation


def weights_digest(network: Network) -> str:
    """A hash of all weights and their names."""
    digest = hashlib.sha256()
    for name, tensor in network.model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Study:
    """A network, its images, and the maps of its layers; made once, asked for its parts."""

    def __init__(self, config: NetworkConfig, progress: Progress) -> None:
        self.config, self.progress = config, progress
        self.network = models.load(config.model, config.weights, seed=config.seed)
        _placed(self.network, config.device)
        self.data = data.labelled(config.images, seed=config.seed)
        self.train = self._pictures(self.data.train, config.train_images)
        self.test = self._pictures(self.data.test, config.test_images)
        self.moves = Moves(self.train.size)
        self.passes = Pass(self.network, self.moves, progress)
        self.transforms = config.parsed()
        # What cannot work is told before anything runs.
        for g in self.transforms:
            self.moves(g, self.train.at(slice(0, 1)))
        self.layers = chosen(self.network, config.layers, self.train.at(slice(0, 4)))
        self.blocks = maps.blocks(
            {layer.name: layer.surveyed for layer in self.layers},
            len(self.transforms),
            config.support,
            config.memory,
        )
        self.folder = Path(config.out) / "pieces" if config.out else None
        self.identity = self._identity()
        self.pieces = _run.Pieces(self.folder, self.identity, config.resume)
        self.draws = Bootstrap(len(self.test), config.seed)
        self._means: dict[Key, np.ndarray] = {}

    def _pictures(self, images: data.Images, most: int) -> Pictures:
        """At most so many images, spread over the whole part."""
        places = np.random.default_rng(self.config.seed).permutation(len(images))[:most]
        return Pictures(images, np.sort(places), self.network, self.config.batch_size)

    def _identity(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, versions, weights, and the images."""
        images = [self.data.train.fingerprint, self.data.test.fingerprint]
        return {
            **self.config.identity,
            **_run.versions(),
            "weights_digest": weights_digest(self.network),
            "images_digest": images,
        }

    @cached_property
    def bytes(self) -> int:
        """What the sums take in the largest pass."""
        needs = maps.survey_bytes(
            {layer.name: layer.surveyed for layer in self.layers}, len(self.transforms), self.config.support
        )
        return max(sum(needs[name] for name in block) for block in self.blocks)

    @cached_property
    def classes(self) -> int:
        with torch.no_grad():
            return int(self.network.output(self.test.at(slice(0, 2))).shape[1])

    @cached_property
    def statistics(self) -> dict[Key, tuple[Statistics, Statistics]]:
        """For each layer and transformation the sums to fit on and the sums to choose on."""
        parts = dict(zip(("fit", "choose"), self.train.divided(), strict=True))
        found: dict[Key, tuple[Statistics, Statistics]] = {}
        for number, block in enumerate(self.blocks):
            layers = [layer for layer in self.layers if layer.name in block]
            surveys = [self._survey(part, pictures, layers, number) for part, pictures in parts.items()]
            for layer in layers:
                for g in self.transforms:
                    fit, tune = (survey.statistics(layer.name, g) for survey in surveys)
                    found[layer.name, g.name] = fit, tune
        return found

    def _survey(self, part: str, pictures: Pictures, layers: list[StudiedLayer], number: int) -> maps.Survey:
        path = None if self.folder is None else self.folder / f"sums-{part}-{number}.safetensors"
        words = f"images to {part}" + (
            f", pass {number + 1} of {len(self.blocks)}" if len(self.blocks) > 1 else ""
        )
        return self.passes.survey(
            pictures, layers, self.transforms, support=self.config.support,
            border_cells=self.config.border_cells, interpolation=self.config.interpolation,
            stage=words, path=path, resume=self.config.resume,
            identity=_run.fingerprint(self.identity),
        )  # fmt: skip

    @cached_property
    def closed(self) -> dict[Key, list[Closed]]:
        """The closed forms of every layer and transformation."""
        found: dict[Key, list[Closed]] = {}
        for done, (key, (fit, tune)) in enumerate(self.statistics.items()):
            self.progress("closed forms", done, len(self.statistics))
            found[key] = closed_forms(fit, tune, self.config.methods)
        self.progress("closed forms", len(found), len(found))
        return found

    def measured(self) -> dict[str, Any]:
        """Accuracies without maps, and every closed form on the test images."""
        return self.pieces.get("measured", self._measured)

    def _measured(self) -> dict[str, Any]:
        upright, none = [], {g.name: [] for g in self.transforms}  # type: ignore[var-annotated]
        scores = self._scores()
        done = 0
        for right, moved, found in side_by_side(self._judged, self.test.batches(), self.network.device):
            upright.append(right)
            done += len(right)
            for name, hit in moved.items():
                none[name].append(hit)
            for key, part in found.items():
                scores[key].extend(part)
            self.progress("test images", done, len(self.test))
        return {
            "original": accuracy(np.concatenate(upright), self.draws, self.classes),
            "none": {
                name: accuracy(np.concatenate(right), self.draws, self.classes)
                for name, right in none.items()
            },
            "methods": {
                f"{layer} under {g}": self._rows((layer, g), found) for (layer, g), found in scores.items()
            },
        }

    def _scores(self) -> dict[Key, Scores]:
        return {key: Scores([m.name for m in closed]) for key, closed in self.closed.items()}

    def _judged(self, batch: tuple[slice, Tensor]) -> tuple[Floats, dict[str, Floats], dict[Key, Scores]]:
        """Of some test images: hits upright, hits transformed without a map, and the scores of all maps."""
        places, images = batch
        labels, scores, none = self.test.labels[places], self._scores(), {}
        names = [layer.name for layer in self.layers]
        with torch.no_grad():
            fields = self.network.read(images, names)
            upright = hits(self.network.output(images), labels)
            for g in self.transforms:
                moved = self.moves(g, images)
                none[g.name] = hits(self.network.output(moved), labels)
                others = self.network.read(moved, names)
                for layer in self.layers:
                    key = layer.name, g.name
                    undos = {m.name: m.map for m in self.closed[key]}
                    pair = fields[layer.name], others[layer.name], moved, labels
                    score(
                        self.network, layer, undos, [pair], self.mean(key), self.used(layer, g), scores[key]
                    )
        return upright, none, scores

    def _rows(self, key: Key, scores: Scores) -> list[dict[str, Any]]:
        residuals, accuracies = scores.residuals(self.draws), scores.accuracies(self.draws, self.classes)
        rows = zip(self.closed[key], residuals, accuracies, strict=True)
        return [
            {
                "name": m.name,
                "role": m.role,
                "residual": residual,
                **right,
                "chosen": m.chosen,
                "seconds": m.seconds,
            }
            for m, residual, right in rows
        ]

    def mean(self, key: Key) -> np.ndarray:
        """The channels' means of phi(x) over the training images."""
        if key not in self._means:
            self._means[key] = self._mean(key)
        return self._means[key]

    def _mean(self, key: Key) -> np.ndarray:
        moments = next(iter(self.statistics[key][0].problems(1))).moments
        return np.asarray(moments.mean_y.cpu().numpy())

    def used(self, layer: StudiedLayer, g: Transform) -> np.ndarray:
        """(H, W) bool: cells of x whose own cell of g x lies inside the field."""
        inside = grid_action(g.inverse(), layer.grid, None, self.config.interpolation).mask.copy()
        b = self.config.border_cells
        if b:
            inner = np.zeros_like(inside)
            inner[b:-b, b:-b] = True
            inside &= inner
        return np.asarray(inside)

    def timed(self) -> dict[str, float]:
        """Seconds that the pass took to read layers, and to add up; 0 where it was read back."""
        return {"seconds_reading": self.passes.spent.reading, "seconds_sums": self.passes.spent.sums}


def _placed(network: Network, device: str) -> None:
    """Move the network; one line where there is no such device."""
    try:
        network.model.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"network: device must be one that torch has here, got {device!r} ({reason})"
        ) from error
