"""The course of a training: epochs, the choice of the best, steps back where the loss is not finite."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from equivfast.maps import _task_state
from equivfast.maps._task_batches import Source
from equivfast.maps._task_filters import Filters
from equivfast.maps._task_loss import Loss
from equivfast.maps._task_rest import frozen, precision
from equivfast.maps._task_settings import Training
from equivfast.maps._task_state import State
from equivfast.maps.map import Map

Progress = Callable[[dict[str, Any]], None]

# Halvings of the rate before a training whose loss is not finite is given up.
_HALVINGS = 3
# Rows for each of the inputs that are whitened, and the images they may come from.
_ROWS, _IMAGES = 20, (16, 512)


class Course:
    """One training: made, or taken up where its file says that it stood."""

    def __init__(
        self,
        start: Map,
        rest: Callable[[Tensor], Tensor],
        sources: tuple[Source, Source],
        training: Training,
        path: str | os.PathLike[str] | None,
        of: str,
    ) -> None:
        self.rest, self.training, self.path, self.of = rest, training, path, of
        self.fields, self.held_out = sources
        self.filters = Filters(start, _example(self.held_out, start), training.whiten)
        self.optimizer = self._optimizer()
        self.loss = Loss(training)
        made = self.filters.values()
        self.state = State(made, made, made, self.optimizer.state_dict())
        if path is not None and Path(path).exists():
            self.state = _task_state.read(path, of, self.optimizer.state_dict()["param_groups"])
            if not _task_state.same_start(self.state.start, made):
                raise ValueError(
                    f"train: resume must be the file of the same training, got other data: {path}"
                )

    def run(self, progress: Progress | None) -> State:
        state = self.state
        if state.stopped:
            return state
        before = time.perf_counter() - state.seconds
        with frozen(self.rest):
            loss, accuracy = self._measured()
            if not math.isfinite(loss):
                raise ValueError(f"train: start must have a finite held-out loss, got {loss}")
            if not state.history:
                self._noted(0, None, loss, accuracy, progress)
            elif abs(loss - state.history[0]["held_out_loss"]) > _task_state.SAME * loss:
                raise ValueError(
                    f"train: resume must be the file of the same training, got other data: {loss}"
                )
            self.filters.set(state.now)
            if state.optimizer["state"]:
                self.optimizer.load_state_dict(state.optimizer)
            while not state.stopped:
                self._one_epoch(progress)
                state.seconds = time.perf_counter() - before
                if self.path is not None:
                    state.save(self.path, self.of)
        return state

    def _one_epoch(self, progress: Progress | None) -> None:
        state, training = self.state, self.training
        if state.epoch < training.epochs:
            state.epoch += 1
            loss = self._pass()
            held_out, accuracy = self._measured() if math.isfinite(loss) else (math.nan, None)
            if not math.isfinite(held_out):
                self._step_back()
                return
            self._noted(state.epoch, loss, held_out, accuracy, progress)
            state.now, state.optimizer = self.filters.values(), self.optimizer.state_dict()
            best = min(entry["held_out_loss"] for entry in state.history[:-1])
            if held_out < best:
                state.best, state.best_epoch = state.now, state.epoch
            elif state.epoch - state.best_epoch >= training.patience:
                state.stopped = "patience"
        if state.epoch >= training.epochs:
            state.stopped = state.stopped or "epochs"

    def _step_back(self) -> None:
        """To the best numbers, with a new optimiser at half the rate; the epoch is done again."""
        state = self.state
        state.epoch -= 1
        if state.halved == _HALVINGS:
            state.stopped = "the loss was not finite"
            return
        state.halved += 1
        state.rate /= 2
        state.now = state.best
        self.filters.set(state.best)
        self.optimizer = self._optimizer()
        state.optimizer = self.optimizer.state_dict()

    def _pass(self) -> float:
        """Train on one epoch's batches: their mean loss, the first that is not finite."""
        training, epoch = self.training, self.state.epoch
        parameters = list(self.filters.parameters(recurse=False))
        height = 0.5 * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) * self.state.rate
        total, count = 0.0, 0
        for step, batch in enumerate(self.fields.batches(epoch, training.seed)):
            rise = min(1.0, (step + 1) / training.warm_up) if epoch == 1 and training.warm_up else 1.0
            for group in self.optimizer.param_groups:
                group["lr"] = training.rate * height * rise
            loss = self.loss(self._outputs(batch[0]), batch).mean()
            if not math.isfinite(value := float(loss.detach())):
                return value
            # Of these parameters alone: those of the rest get no gradients, whoever holds them.
            for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                p.grad = gradient
            if training.clip is not None:
                torch.nn.utils.clip_grad_norm_(parameters, training.clip)
            self.optimizer.step()
            total, count = total + value * len(batch[0]), count + len(batch[0])
        return total / count

    @torch.no_grad()
    def _measured(self) -> tuple[float, float | None]:
        """Held-out loss and accuracy of the filters of now."""
        parts: list[Tensor] = []
        wanted: list[Tensor] = []
        right, labelled = 0, 0
        for batch in self.held_out.batches(0, None):
            out = self._outputs(batch[0])
            parts.append(self.loss.parts(out, batch))
            if batch[1] is not None:
                right += int((out.argmax(1) == batch[1]).sum())
                labelled += len(out)
            if batch[2] is not None:
                wanted.append(batch[2])
        if wanted:
            self.loss.measure_spread(torch.cat(wanted))
        loss = float(self.loss.weighted(torch.cat(parts).double()).mean())
        return loss, right / labelled if labelled else None

    def _outputs(self, fields: Tensor) -> Tensor:
        with precision(fields, self.training.mixed_precision):
            out = self.rest(self.filters(fields))
        if not isinstance(out, Tensor) or out.ndim != 2 or len(out) != len(fields):
            got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(f"train: rest must give outputs ({len(fields)}, k), got {got}")
        if torch.is_grad_enabled() and not out.requires_grad:
            raise ValueError("train: rest must be differentiable, got outputs without a gradient")
        return out.to(fields.dtype)

    def _optimizer(self) -> torch.optim.Optimizer:
        t, parameters = self.training, list(self.filters.parameters(recurse=False))
        if t.optimizer == "sgd":
            return torch.optim.SGD(parameters, t.rate, t.momentum, weight_decay=t.weight_decay)
        return torch.optim.AdamW(parameters, t.rate, weight_decay=t.weight_decay)

    def _noted(
        self,
        epoch: int,
        loss: float | None,
        held_out: float,
        accuracy: float | None,
        progress: Progress | None,
    ) -> None:
        entry = {"epoch": epoch, "train_loss": loss, "held_out_loss": held_out, "held_out_accuracy": accuracy}
        self.state.history.append(entry)
        if progress is not None:
            progress(dict(entry))


def _example(source: Source, start: Map) -> Tensor:
    """Held-out fields to learn from how the map's inputs are spread."""
    found: list[Tensor] = []
    for x, _, _ in source.batches(0, None):
        if x.shape[1] != start.channels[0]:
            shape = tuple(x.shape)
            raise ValueError(
                f"train: fields must have the {start.channels[0]} channels of start, got {shape}"
            )
        cells = x.shape[2] * x.shape[3]
        images = min(max(_ROWS * start.weight.shape[1] // cells, _IMAGES[0]), _IMAGES[1])
        found.append(x[:images])
        if sum(map(len, found)) >= images:
            break
    return torch.cat(found)[:images]
