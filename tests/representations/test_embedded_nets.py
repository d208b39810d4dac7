"""The embedded networks know their tasks, on images that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equivfast.data import labelled
from equivfast.representations import embedded_nets, models


@pytest.mark.parametrize("name", embedded_nets.NAMES)
def test_a_net_knows_its_task(name: str) -> None:
    """At least .80, and what its file says, up to the rounding of another machine."""
    about = embedded_nets.description(name)
    network = models.load(f"embedded:{name}")
    images = labelled(about["task"])
    assert list(images.classes) == about["classes"]
    with torch.no_grad():
        answers = (
            network.output(network.preprocess(images.test.take(range(len(images.test))))).argmax(1).numpy()
        )  # type: ignore[misc]
    accuracy = float((answers == images.test.labels).mean())
    assert accuracy >= 0.8 and accuracy == pytest.approx(about["accuracy"], abs=0.01)


def test_the_pair_differs_in_its_weights_alone() -> None:
    a, b = (embedded_nets.model(name) for name in ("photos-a", "photos-b"))
    assert embedded_nets.description("photos-a")["seed"] != embedded_nets.description("photos-b")["seed"]
    for (name, x), (other, y) in zip(a.named_parameters(), b.named_parameters(), strict=True):
        assert name == other and x.shape == y.shape
        if x.ndim == 4:
            alike = np.corrcoef(x.detach().flatten(), y.detach().flatten())[0, 1]
            assert abs(alike) < 0.2


def test_turned_digits_are_read_by_the_net_that_has_seen_them() -> None:
    images = labelled("embedded:digits").test
    turns = [lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.rot90(1, (2, 3))]
    right = {}
    for name in ("digits", "digits-turned"):
        network = models.load(f"embedded:{name}")
        pixels = network.preprocess(images.take(range(len(images))))  # type: ignore[misc]
        with torch.no_grad():
            answers = [network.output(turn(pixels)).argmax(1).numpy() for turn in turns]
        right[name] = [float((answer == images.labels).mean()) for answer in answers]
    assert max(right["digits"]) < 0.5 and min(right["digits-turned"]) > 0.9, right


def test_five_convolutions_can_be_cut_after() -> None:
    network = models.load("embedded:photos-a")
    convolutions = network.layers("all-conv")
    assert convolutions == [f"features.{k}" for k in (0, 3, 6, 8, 10)]
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for name in convolutions:
        assert network.complete(name, images)
        field = network.read(images, [name])[name]
        torch.testing.assert_close(network.resume(name, field), network.output(images))
    assert [network.grid(name, 32, 32).stride for name in convolutions] == [1, 2, 4, 4, 4]


def test_together_they_are_small() -> None:
    assert sum(embedded_nets.path(name).stat().st_size for name in embedded_nets.NAMES) <= 2 << 20
    with pytest.raises(
        ValueError, match="must be among photos-a, photos-b, digits, digits-turned, got 'cats'"
    ):
        embedded_nets.model("cats")
