"""A map trained through a frozen network: it gets better, is never worse, and the network stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from equivfast import groups, maps
from equivfast.maps.task import Trained, Training, train


class Rest(torch.nn.Module):
    """Two convolutions with batch norm, a mean over cells and a linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(channels, 12, 3, padding=1),
            torch.nn.BatchNorm2d(12),
            torch.nn.ReLU(),
            torch.nn.Conv2d(12, 16, 3, stride=2),
            torch.nn.BatchNorm2d(16),
            torch.nn.ReLU(),
        )
        self.linear = torch.nn.Linear(16, 4)

    def forward(self, field: Tensor) -> Tensor:
        return 3 * self.linear(self.body(field).mean((2, 3)))


@dataclass(frozen=True)
class Task:
    """phi(g x) is phi(x) flipped and mixed by a planted matrix; the right map undoes it."""

    start: maps.Map
    rest: Rest
    fields: Tensor
    labels: Tensor
    wanted: Tensor

    def train(self, training: Training | None = None, *, rest: Any = None, **options: Any) -> Trained:
        held_out = options.pop("held_out", (self.fields[256:], self.labels[256:]))
        given = {"wanted": self.wanted[:256], "held_out_wanted": self.wanted[256:], **options}
        fields, labels = given.pop("fields", self.fields[:256]), given.pop("labels", self.labels[:256])
        used = self.rest if rest is None else rest
        return train(self.start, used, fields, labels, held_out=held_out, training=training, **given)


def make(support: int = 1, size: int = 7, kind: str = "shared") -> Task:
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        rest = Rest(5)
    mixing = torch.eye(5).roll(2, 0) + 0.3 * torch.randn(5, 5, generator=generator)
    upright = torch.randn(384, 5, size, size, generator=generator).relu()
    upright = upright * torch.tensor([3.0, 1, 1, 0.3, 0.1])[:, None, None] + upright.mean(1, keepdim=True)
    upright = upright * torch.randn(384, 5, 1, 1, generator=generator).mul(0.5).exp()  # no two images alike
    rest.train()
    rest(upright)  # running means of its own
    rest.eval()
    with torch.no_grad():
        rest.linear.bias -= rest(upright).mean(0) / 3  # no class wins all
        wanted = rest(upright)
    grid = groups.Grid.centred(size, size, stride=4)
    start = maps.cells(groups.hflip(), grid, 5, kind=kind)
    if support == 3:
        taps = np.zeros((5, 5, 9))
        taps[:, :, 4] = np.eye(5)
        start = maps.Map("shared", start.g, "cells", taps.reshape(5, 45), np.zeros(5), (5, 5), grid, grid, 3)
    turned = torch.einsum("dc,nchw->ndhw", mixing, upright.flip(3))
    return Task(start, rest, turned, wanted.argmax(1), wanted)


@pytest.fixture(scope="module")
def task() -> Task:
    return make()


QUICK = Training(epochs=6, batch_size=32, rate=2e-2)


def test_the_planted_map_is_found_through_the_rest(task: Task) -> None:
    found = task.train(Training(epochs=25, batch_size=32, rate=0.2, patience=25))
    best = found.history[found.best_epoch]
    assert best["held_out_loss"] < 1e-3 * found.history[0]["held_out_loss"]
    assert best["held_out_accuracy"] > 0.97 and found.history[0]["held_out_accuracy"] < 0.4


@pytest.mark.parametrize("loss", ["features", "classification", "both"])
@pytest.mark.parametrize("support", [1, 3])
def test_training_brings_back_what_the_transformation_took(loss: str, support: int) -> None:
    task = make(support)
    rate = 0.2 if support == 1 else 0.05
    found = task.train(Training(loss=loss, epochs=12, batch_size=32, rate=rate, patience=12))
    first, best = found.history[0], found.history[found.best_epoch]
    assert best["held_out_loss"] < first["held_out_loss"] and found.best_epoch > 0
    assert best["held_out_loss"] == min(entry["held_out_loss"] for entry in found.history)
    assert best["held_out_accuracy"] > first["held_out_accuracy"] + 0.15
    # The map that came back is that epoch's.
    with torch.no_grad():
        out = task.rest(found.map(task.fields[256:]))
    accuracy = float((out.argmax(1) == task.labels[256:]).float().mean())
    assert accuracy == pytest.approx(best["held_out_accuracy"], abs=0.02)
    assert found.map.method == "task" and found.map.support == support and found.map.g == task.start.g
    assert found.map.settings["training"]["loss"] == loss and found.map.settings["start"]["method"] == "cells"


@pytest.mark.parametrize("whiten", [True, False])
def test_vectors_before_a_linear_rest_are_trained_to_the_regression(whiten: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    mixing, planted, outputs = (torch.randn(*size, generator=generator) for size in ((5, 5), (5, 5), (3, 5)))
    x = torch.randn(384, 5, generator=generator) @ (mixing + torch.eye(5)) + 2
    y = x @ planted.T @ outputs.T + 1
    start = maps.cells(groups.identity(), groups.Grid.centred(1, 1, stride=32), 5)
    fields, held_out = x[:256, :, None, None], (x[256:, :, None, None], None)
    found = train(
        start,
        lambda field: field.flatten(1) @ outputs.T,
        fields,
        held_out=held_out,
        wanted=y[:256],
        held_out_wanted=y[256:],
        training=Training(epochs=80, rate=0.05, batch_size=64, patience=80, whiten=whiten),
    )
    assert found.history[found.best_epoch]["held_out_loss"] < 1e-3 * found.history[0]["held_out_loss"]
    assert found.map(fields).flatten(1) @ outputs.T == pytest.approx(y[:256], abs=0.1 * float(y.std()))


def test_a_window_map_trains_too() -> None:
    found = make(kind="window").train(QUICK)
    assert found.history[-1]["held_out_loss"] < found.history[0]["held_out_loss"]


def test_the_rest_stays_what_it_was(task: Task) -> None:
    before = {name: value.clone() for name, value in task.rest.state_dict().items()}
    task.rest.train()
    task.rest.body[0].eval().requires_grad_(False)  # modes and wishes of their own
    wishes = [p.requires_grad for p in task.rest.parameters()]
    try:
        found = task.train(Training(epochs=1))
        assert [p.requires_grad for p in task.rest.parameters()] == wishes
        assert task.rest.training and task.rest.body[1].training and not task.rest.body[0].training
    finally:
        task.rest.eval().requires_grad_(True)
    assert found.history[-1] == task.train(Training(epochs=1)).history[-1]  # measured in eval mode
    # A function's parameters are out of sight, and yet they get no gradients.
    task.train(Training(epochs=1), rest=lambda field: task.rest(field))
    assert all(p.grad is None for p in task.rest.parameters())
    assert all(torch.equal(before[name], value) for name, value in task.rest.state_dict().items())


def test_the_same_seed_gives_the_same_map_and_another_does_not(task: Task) -> None:
    maps_ = [task.train(Training(epochs=2, seed=seed)).map for seed in (0, 0, 1)]
    assert np.array_equal(maps_[0].weight, maps_[1].weight) and np.array_equal(maps_[0].bias, maps_[1].bias)
    assert not np.array_equal(maps_[0].weight, maps_[2].weight)


def test_training_that_makes_things_worse_gives_the_start_back(task: Task) -> None:
    found = task.train(Training(epochs=5, patience=2, rate=50.0, warm_up=0, clip=None))
    assert found.best_epoch == 0 and found.map.settings["stopped"] == "patience" and len(found.history) == 3
    x = task.fields[:3].double()
    assert torch.equal(found.map(x), task.start(x))
    assert task.train(Training(epochs=0)).best_epoch == 0


def test_a_loss_that_is_not_finite_is_stepped_back_from(task: Task) -> None:
    calls = 0

    def brittle(field: Tensor) -> Tensor:
        nonlocal calls
        out: Tensor = task.rest(field)
        calls += torch.is_grad_enabled()
        return out * float("nan") if torch.is_grad_enabled() and calls in broken else out

    broken = {3}
    found = task.train(Training(epochs=3), rest=brittle)
    assert found.map.settings["rate_halved"] == 1 and found.map.settings["stopped"] == "epochs"
    assert [entry["epoch"] for entry in found.history] == [0, 1, 2, 3]
    broken, calls = set(range(4, 100)), 0  # from the second epoch on
    given_up = task.train(Training(epochs=6, batch_size=128), rest=brittle)
    assert given_up.map.settings["rate_halved"] == 3 and given_up.best_epoch == 1
    assert given_up.map.settings["stopped"] == "the loss was not finite"
    assert np.isfinite(given_up.map.weight).all()


def test_an_interrupted_training_goes_on_to_the_same_end(task: Task, tmp_path: Path) -> None:
    path, settings = tmp_path / "training.safetensors", Training(epochs=5, patience=5)
    whole = task.train(settings)

    class StopHereError(Exception):
        pass

    def interrupt(entry: dict[str, Any]) -> None:
        if entry["epoch"] == 3:
            raise StopHereError

    with pytest.raises(StopHereError):
        task.train(settings, resume=path, progress=interrupt)
    seen: list[int] = []
    resumed = task.train(settings, resume=path, progress=lambda entry: seen.append(entry["epoch"]))
    assert seen == [3, 4, 5] and resumed.history == whole.history
    assert np.array_equal(resumed.map.weight, whole.map.weight)
    finished = task.train(settings, resume=path, rest=lambda field: 1 / 0, progress=interrupt)
    assert np.array_equal(finished.map.weight, whole.map.weight) and finished.history == whole.history
    with pytest.raises(ValueError, match=r"train: resume must be the file of the same training"):
        task.train(Training(epochs=6), resume=path)


def test_a_file_of_other_data_is_refused(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"

    def stop(entry: dict[str, Any]) -> None:
        if entry["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        task.train(QUICK, resume=path, progress=stop)
    with pytest.raises(ValueError, match="got other data"):
        task.train(QUICK, resume=path, rest=lambda field: 2 * task.rest(field))
    task.train(QUICK, resume=path)
    with pytest.raises(ValueError, match="got other data"):  # finished as it is
        task.train(QUICK, resume=path, held_out=(2 * task.fields[256:], task.labels[256:]))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"train: {path}"):
        task.train(QUICK, resume=path)


def test_streams_of_batches_give_what_tensors_give(task: Task) -> None:
    epochs: list[int] = []

    def stream(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        epochs.append(epoch)
        order = torch.randperm(256, generator=torch.Generator().manual_seed(epoch))
        for part in order.split(128):
            yield task.fields[part].half(), task.labels[part], task.wanted[part]

    def kept(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        assert epoch == 0
        for part in torch.arange(256, 384).split(50):
            yield task.fields[part], task.labels[part], task.wanted[part]

    nothing = {"labels": None, "wanted": None, "held_out_wanted": None}
    found = task.train(Training(epochs=2), fields=stream, held_out=(kept, None), **nothing)
    wanted = task.train(Training(epochs=2))
    assert epochs == [1, 2] and found.best_epoch > 0
    for a, b in zip(found.history, wanted.history, strict=True):
        assert a["held_out_loss"] == pytest.approx(b["held_out_loss"], rel=1e-2)
    assert found.history[0]["held_out_accuracy"] == wanted.history[0]["held_out_accuracy"]


def test_it_trains_inside_no_grad_and_from_inference_mode(task: Task) -> None:
    with torch.inference_mode():
        seen = task.fields.clone()
        found = task.train(Training(epochs=1), fields=seen[:256], held_out=(seen[256:], None))
    with torch.no_grad():
        again = task.train(Training(epochs=1))
    assert (
        np.array_equal(found.map.weight, again.map.weight) and found.history[0]["held_out_accuracy"] is None
    )


def test_dead_channels_and_a_batch_of_one_are_no_nan(task: Task) -> None:
    fields = task.fields.clone()
    fields[:, 2] = 0
    for held, size in (
        (fields[256:], 85),
        (torch.zeros_like(fields[256:]), 256),
    ):  # a last batch of one image
        settings = Training(epochs=1, batch_size=size)
        found = task.train(settings, fields=fields[:256], held_out=(held, task.labels[256:]))
        assert found.map(fields).isfinite().all() and np.isfinite(found.history[-1]["held_out_loss"])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_both_optimisers_train_and_resume(task: Task, tmp_path: Path, optimizer: str) -> None:
    settings = Training(epochs=2, optimizer=optimizer, rate=0.05, mixed_precision=True)
    found = task.train(settings, resume=tmp_path / "state.safetensors")
    assert found.history[found.best_epoch]["held_out_loss"] < found.history[0]["held_out_loss"]
    found.map.save(tmp_path / "map.safetensors")
    back = maps.load(tmp_path / "map.safetensors")
    assert np.array_equal(back.weight, found.map.weight) and back.settings == found.map.settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wanted": None}, "fields: wanted must be given for loss 'features', got None"),
        ({"held_out_wanted": None}, "held_out: wanted must be given for loss 'features', got None"),
        (
            {"labels": torch.zeros(3, dtype=torch.int64)},
            "fields: labels must be as many as the fields, got 3 and 256",
        ),
        ({"labels": torch.zeros(256)}, "fields: labels must be class numbers"),
        ({"fields": torch.zeros(256, 5)}, r"fields must be \(n, c, H, W\) with n > 0, got \(256, 5\)"),
        ({"fields": 3}, "fields must be a tensor or give batches by epoch, got int"),
        ({"fields": lambda epoch: iter(())}, "fields must give at least one batch, got none in epoch 1"),
        ({"fields": lambda epoch: [torch.zeros(2)]}, r"fields must give batches \(fields, labels, wanted\)"),
        ({"held_out": (torch.zeros(128, 4, 7, 7), None)}, "fields must have the 5 channels of start"),
        ({"rest": lambda field: field}, r"rest must give outputs \(128, k\), got \(128, 5, 7, 7\)"),
        ({"rest": lambda field: field.detach().mean((2, 3))[:, :4]}, "rest must be differentiable"),
        ({"rest": lambda field: field.mean((2, 3))}, "wanted must have the shape of the outputs of rest"),
        (
            {"rest": lambda field: field.mean((2, 3))[:, :4] / 0},
            "start must have a finite held-out loss, got",
        ),
    ],
)
def test_what_does_not_fit_is_refused(task: Task, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"train: {message}"):
        task.train(Training(epochs=1), **change)


def test_labels_beyond_the_outputs_are_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="train: labels must be 0 to 3, outputs of rest, got 0 to 9"):
        task.train(Training(loss="classification"), held_out=(task.fields[256:], torch.arange(128) % 10))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("loss", "hinge"), ("optimizer", "lbfgs"), ("rate", 0.0), ("rate", float("nan")), ("share", 1.5),
     ("epochs", -1), ("batch_size", 0), ("patience", 0), ("seed", -1), ("clip", 0.0), ("momentum", "much")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"Training: {setting} must be .*, got {value!r}"):
        Training(**{setting: value})
