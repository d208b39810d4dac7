"""Transformation layers trained through the rest of the network, from the best closed form on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from equivfast.groups import Transform
from equivfast.maps import Map
from equivfast.maps.task import Batches, Trained, Training, train
from equivfast.studies import _run
from equivfast.studies.network._closed import Closed
from equivfast.studies.network._layers import StudiedLayer
from equivfast.studies.network._measured import Scores, score
from equivfast.studies.network._pictures import Pictures, augmented
from equivfast.studies.network._study import Study

# Fields are kept for all epochs while they take less, and read anew in every epoch otherwise.
_KEPT_BYTES = 1 << 30

Batch = tuple[Tensor, Tensor, Tensor]
SELECTED = "augmented copies (mirrored, shifted by up to 4 pixels) of a fifth of the training images"


class Copies:
    """Augmented copies of training images, and what the network says of them upright.

    The network knows its training images by heart, so that the loss on them says little; it has not seen these.
    """

    def __init__(self, study: Study, pictures: Pictures, copies: int, seed: int) -> None:
        self.study, self.pictures, self.copies, self.seed = study, pictures, copies, seed

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) of every copy, the same ones each time."""
        for copy in range(self.copies):
            draw = torch.Generator().manual_seed(1000 * self.seed + copy)
            for places, images in self.pictures.batches():
                yield augmented(images, draw), self.pictures.labels[places]

    @cached_property
    def wanted(self) -> list[Tensor]:
        """The network's output for the upright copies, batch by batch."""
        with torch.no_grad():
            return [self.study.network.output(images) for images, _ in self.batches()]

    def fields(self, layer: StudiedLayer, g: Transform) -> Iterator[Batch]:
        """The layer's fields of the transformed copies, their labels, and what is wanted."""
        for (images, labels), wanted in zip(self.batches(), self.wanted, strict=True):
            with torch.no_grad():
                field = self.study.network.read(self.study.moves(g, images), [layer.name])[layer.name]
            yield field, labels, wanted

    def source(
        self, layer: StudiedLayer, g: Transform
    ) -> tuple[Tensor | Batches, Tensor | None, Tensor | None]:
        """Fields, labels and wanted outputs as `train` takes them: kept where memory allows, else batch by batch."""
        size = layer.channels * layer.grid.height * layer.grid.width
        if 4 * size * len(self.pictures) * self.copies > _KEPT_BYTES:
            return (lambda epoch: self.fields(layer, g)), None, None
        fields, labels, wanted = (torch.cat(part) for part in zip(*self.fields(layer, g), strict=True))
        return fields, labels, wanted


class Trainer:
    """Trains the maps of a study, one after the other, on the same copies."""

    def __init__(self, study: Study) -> None:
        self.study, config = study, study.config
        fit, choose = study.train.divided()
        self.copies = Copies(study, fit, config.copies, seed=config.seed)
        self.held_out = Copies(study, choose, 1, seed=config.seed + 1)
        self.training = Training(loss=config.loss, epochs=config.epochs, seed=config.seed)

    def possible(self, layer: StudiedLayer) -> bool:
        """Whether the rest of the network can be run by itself: only then do gradients pass through it alone."""
        if not layer.complete:
            return False
        field = torch.zeros(2, layer.channels, layer.grid.height, layer.grid.width)
        try:
            with torch.no_grad():
                self.study.network.resume(layer.name, field.to(self.study.network.device))
        except ValueError:
            return False
        return True

    def train(self, layer: StudiedLayer, g: Transform, start: Map) -> Trained:
        """The map, trained; an interrupted training goes on where it stopped."""
        study = self.study
        path = None if study.folder is None else study.folder / self._file_name(layer, g)
        if path is not None and not study.config.resume:
            path.unlink(missing_ok=True)
        fields, labels, wanted = self.copies.source(layer, g)
        kept, kept_labels, kept_wanted = self.held_out.source(layer, g)
        return train(
            start,
            lambda field: study.network.resume(layer.name, field),
            fields,
            labels,
            held_out=(kept, kept_labels),
            wanted=wanted,
            held_out_wanted=kept_wanted,
            training=self.training,
            device=study.network.device,
            progress=lambda entry: study.progress(
                f"training after {layer.name}, {g.name}", entry["epoch"], self.training.epochs
            ),
            resume=path,
        )

    def _file_name(self, layer: StudiedLayer, g: Transform) -> str:
        """Runs with other settings have files of their own: a training is never taken up with other data."""
        name = "".join(c if c.isalnum() or c in "+-." else "_" for c in f"{layer.name}-{g.name}")
        return f"training-{name}-{_run.fingerprint(self.study.identity)[:8]}.safetensors"

    def entry(self, layer: StudiedLayer, g: Transform, best: Closed, before: dict[str, Any]) -> Any:
        """What the report says of the training, and the row of the trained map."""
        found = self.train(layer, g, best.map)
        row = {
            "name": f"trained {best.name}",
            "role": "trained",
            **self._judged(layer, g, found.map),
            "chosen": f"epoch {found.best_epoch}",
            "seconds": round(found.seconds, 2),
        }
        history = {
            "epoch": [entry["epoch"] for entry in found.history],
            "held_out": [entry["held_out_loss"] for entry in found.history],
        }
        about = {
            "before": before["top1"],
            "after": row["top1"],
            "epochs": self.training.epochs,
            "best_epoch": found.best_epoch,
            "loss": _LOSSES[self.training.loss],
            "selected_on": SELECTED,
            "history": history,
        }
        return about, row

    def _judged(self, layer: StudiedLayer, g: Transform, m: Map) -> dict[str, Any]:
        """Residual and accuracies of a map on the test images."""
        study = self.study
        scores, key = Scores(["trained"]), (layer.name, g.name)
        with torch.no_grad():
            for places, images in study.test.batches():
                moved = study.moves(g, images)
                fields = [study.network.read(x, [layer.name])[layer.name] for x in (images, moved)]
                pair = (fields[0], fields[1], moved, study.test.labels[places])
                score(
                    study.network,
                    layer,
                    {"trained": m},
                    [pair],
                    study.mean(key),
                    study.used(layer, g),
                    scores,
                )
        (right,) = scores.accuracies(study.draws, study.classes)
        return {"residual": scores.residuals(study.draws)[0], **right}


_LOSSES = {
    "features": "squared difference of the network's outputs for x and, through the map, for g x",
    "classification": "cross-entropy of the labels",
    "both": "cross-entropy of the labels and squared difference of the network's outputs",
}
