"""One pass over images: the sums of all layers and transformations, taken up again where a run stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from equivfast.groups import Transform
from equivfast.maps import Survey
from equivfast.maps.workers import apart
from equivfast.representations import Network
from equivfast.studies._run import Progress
from equivfast.studies.network._layers import StudiedLayer
from equivfast.studies.network._pictures import Moves, Pictures

T = TypeVar("T")
R = TypeVar("R")

# Sums are written down when this many times the writing has been worked since.
_PATIENCE = 20
_LEAST_SECONDS = 20.0
# Batches that are read before they are worked on.
_WAITING = 8


@dataclass
class Spent:
    """Seconds of passes: reading layers of upright and of transformed images, and adding up; and how many images."""

    reading: float = 0.0
    sums: float = 0.0
    images: int = 0


class Pass:
    """Streams images through a network once for each block of layers."""

    def __init__(self, network: Network, moves: Moves, progress: Progress) -> None:
        self.network, self.moves, self.progress = network, moves, progress
        self.spent = Spent()

    def survey(
        self,
        pictures: Pictures,
        layers: Sequence[StudiedLayer],
        transforms: Sequence[Transform],
        *,
        support: int,
        border_cells: int = 0,
        interpolation: str = "bilinear",
        stage: str = "images",
        path: Path | None = None,
        resume: bool = False,
        identity: str = "",
    ) -> Survey:
        """The sums of pairs phi(g x) -> phi(x) over the pictures; kept in `path` while they are collected."""
        survey = Survey(
            {layer.name: layer.surveyed for layer in layers}, transforms,
            support=support, border_cells=border_cells, interpolation=interpolation, device=self.network.device,
        )  # fmt: skip
        if path is not None and resume:
            _restored(survey, path, identity)
        saved = time.monotonic()
        patience = _LEAST_SECONDS
        batches = pictures.batches(survey.images)
        while wave := list(islice(batches, self._together)):
            self.progress(stage, wave[0][0].start, len(pictures))
            self._add(survey, [images for _, images in wave])
            if path is not None and time.monotonic() - saved > patience:
                started = time.monotonic()
                survey.save(path, identity=identity)
                saved = time.monotonic()
                patience = max(_LEAST_SECONDS, _PATIENCE * (saved - started))
        if path is not None:
            survey.save(path, identity=identity)
        self.progress(stage, len(pictures), len(pictures))
        return survey

    @property
    def _together(self) -> int:
        """Batches that are read side by side: on a CPU one thread each, which does not wait for others."""
        return max(1, torch.get_num_threads()) if self.network.device.type == "cpu" else 1

    def _add(self, survey: Survey, batches: Sequence[Tensor]) -> None:
        started = time.perf_counter()
        read = partial(self._read, survey)
        fields = list(apart(read, batches)) if len(batches) > 1 else [read(batches[0])]
        self.spent.reading += time.perf_counter() - started
        started = time.perf_counter()
        for upright, *moved in fields:
            survey.update(upright, moved)
        self.spent.sums += time.perf_counter() - started
        self.spent.images += sum(map(len, batches))

    def _read(self, survey: Survey, images: Tensor) -> list[dict[str, Tensor]]:
        """The fields of a batch, upright and under each transformation."""
        names = list(survey.layers)
        with torch.no_grad():
            found = [self.network.read(images, names)]
            return found + [self.network.read(self.moves(g, images), names) for g in survey.transforms]


def side_by_side(work: Callable[[T], R], batches: Iterable[T], device: torch.device) -> Iterator[R]:
    """The results of batches in order: on a CPU several at a time with a thread each, which waits for no other.

    The first batch goes alone, so that what a network prepares once is there when the others come.
    """
    waiting = iter(batches)
    for batch in islice(waiting, 1):
        yield work(batch)
    if device.type != "cpu":
        yield from map(work, waiting)
    while some := list(islice(waiting, _WAITING)):
        yield from apart(work, some)


def _restored(survey: Survey, path: Path, identity: str) -> None:
    """Take up the sums of a run with the same settings; anything else is left alone and written over."""
    fresh = Survey(
        survey.layers, survey.transforms, support=survey.support, border_cells=survey.border_cells,
        interpolation=survey.interpolation,
    )  # fmt: skip
    try:
        notes = fresh.restore(path)
    except (OSError, ValueError):
        return
    if notes.get("identity") == identity:
        survey.restore(path)
