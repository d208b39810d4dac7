"""train: the task-oriented transformation layer, a map trained through the frozen rest of a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from equivfast.maps._task_batches import Batches, Source
from equivfast.maps._task_course import Course
from equivfast.maps._task_settings import Training
from equivfast.maps._task_state import fingerprint
from equivfast.maps.map import Map

__all__ = ["Trained", "Training", "train"]


@dataclass(frozen=True)
class Trained:
    """A trained map and how it came about; `history` holds one dict per epoch, epoch 0 being the start itself:
    epoch, train_loss (None for 0), held_out_loss, held_out_accuracy (None without labels)."""

    map: Map
    history: list[dict[str, Any]]
    best_epoch: int
    seconds: float


def train(
    start: Map,
    rest: Callable[[Tensor], Tensor],
    fields: Tensor | Batches,
    labels: Tensor | None = None,
    *,
    held_out: tuple[Tensor | Batches, Tensor | None],
    wanted: Tensor | None = None,
    held_out_wanted: Tensor | None = None,
    training: Training | None = None,
    device: torch.device | str | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Trained:
    """Trains a map that stands after a layer, so that the rest of the network does its work on transformed images.

    Shapes     fields (n, c, H, W) = phi(g x), labels (n,) class numbers, wanted (n, k) = the network's outputs for the
               upright x; or a callable epoch -> batches (fields, labels, wanted), from 1, where augmentation lives.
               `held_out`: the same, with `held_out_wanted`; a callable is asked for epoch 0 each time.
               rest: field (n, d, H', W') -> outputs (n, k)
    Definition `training.loss`: "features": mean (rest(M(phi(g x))) - wanted)^2 over the mean variance of the held-out
               wanted outputs (final-feature matching); "classification": cross-entropy of the labels; "both":
               `share` of the latter, and the rest of the former. The held-out loss chooses the epoch. The start is
               epoch 0, so what comes back is never worse than it there
    Gradient   rest is frozen: its parameters do not change and get no gradients. A module is put into eval mode
               meanwhile, and each of its modules back into its own; the mode of any other callable is the caller's
    Symmetry   the same seed, data, device and number of threads give the same map
    Cost       one forward and one backward pass of rest per image and epoch, a forward one per held-out image
    Resume     `resume`: a file that is written after every epoch; the same training goes on where it stood, and a
               finished one is returned at once. `progress` is called with every new entry of the history
    Source     Lenc & Vedaldi 2015, section 3.2
    Raises     ValueError for data that do not fit together, a loss without its labels or wanted outputs, a start
               whose held-out loss is not finite, a file of another training

    >>> from equivfast import groups, maps
    >>> x = torch.randn(64, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> start = maps.cells(groups.hflip(), groups.Grid.centred(4, 4, stride=8), 2)
    >>> rest = lambda field: field.mean((2, 3))
    >>> swapped = rest(x.flip(1))  # the upright images have the channels the other way round
    >>> held_out = x[:32], None
    >>> pace = Training(rate=0.05, batch_size=8)
    >>> found = train(
    ...     start, rest, x, held_out=held_out, wanted=swapped, held_out_wanted=swapped[:32], training=pace
    ... )
    >>> found.history[-1]["held_out_loss"] < 0.1 * found.history[0]["held_out_loss"]
    True
    """
    training = Training() if training is None else training
    place = torch.device("cpu" if device is None else device)
    kept, kept_labels = held_out
    sources = (
        Source("fields", fields, labels, wanted, training.loss, training.batch_size, place),
        Source("held_out", kept, kept_labels, held_out_wanted, training.loss, training.batch_size, place),
    )
    of = fingerprint(
        asdict(training), [start.g.matrix, *_numbers(start), *(_known(source) for source in sources)]
    )
    with torch.inference_mode(False), torch.enable_grad():
        course = Course(start, rest, sources, training, resume, of)
        state = course.run(progress)
    settings = {
        "start": {"method": start.method, "settings": start.settings},
        "training": asdict(training),
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "stopped": state.stopped,
        "rate_halved": state.halved,
    }
    found = course.filters.map(state.best, settings)
    if state.best_epoch == 0:  # to the bit, and not by way of float32
        found = replace(found, weight=start.weight, bias=start.bias)
    return Trained(found, state.history, state.best_epoch, state.seconds)


def _numbers(m: Map) -> list[Any]:
    weight = m.weight if not hasattr(m.weight, "toarray") else m.weight.toarray()
    return [weight, m.bias]


def _known(source: Source) -> Any:
    """What is known of the data without reading them all: their shape and their labels."""
    shape = tuple(source.fields.shape) if isinstance(source.fields, Tensor) else ()
    labels = torch.zeros(0) if source.labels is None else source.labels
    return torch.cat([torch.tensor(shape, dtype=torch.float64), labels.detach().cpu().double()]).numpy()
