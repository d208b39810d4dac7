"""How hog's time grows with size and setting.

Ratios of the fastest of interleaved calls, which other work on the machine disturbs least. Absolute figures are
benchmarks/bench_hog.py's; these are the promises that a change must not break unseen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

import equivfast as ef

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]

Call = Callable[[], Any]


def photograph(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Noise over waves: every bin is voted for, in no order that a processor could foresee."""
    h, w = shape[-2:]
    waves = torch.sin(torch.arange(h)[:, None] / 7) + torch.cos(torch.arange(w) / 11)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return (128 + 40 * waves + 10 * noise).clamp(0, 255).round().to(dtype)


def ratio(first: Call, second: Call, rounds: int = 31) -> float:
    """Time of `first` over time of `second`: both are called in turns, as often as fills 4 ms."""
    calls = []
    for call in (first, second):
        call()
        start = time.perf_counter()
        call()
        calls.append(max(1, round(0.004 / (time.perf_counter() - start))))
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for side, call in enumerate((first, second)):
            call()
            start = time.perf_counter()
            for _ in range(calls[side]):
                call()
            times[side].append((time.perf_counter() - start) / calls[side])
    return min(times[0]) / min(times[1])


@pytest.mark.parametrize(
    "setting",
    [
        {"cell": 4},
        {"cell": 6},
        {"cell": 16},
        {"orientations": 8},
        {"orientations": 12},
        {"variant": "dalal-triggs"},
    ],
    ids=str,
)
def test_other_settings_take_at_most_two_and_a_half_times_as_long(setting: dict[str, Any]) -> None:
    image = photograph(1, 1, 480, 640)
    assert ratio(lambda: ef.hog(image, **setting), lambda: ef.hog(image)) <= 2.5


@pytest.mark.parametrize(
    "size", [(128, 128), (240, 320), (480, 641), (479, 640), (1080, 1920), (2160, 3840)], ids=str
)
def test_no_size_is_slow(size: tuple[int, int]) -> None:
    """Per pixel, and 3 % of the usual image, about 10 us, for the call. Odd sizes pay tails, large ones the memory."""
    usual, other = photograph(1, 1, 480, 640), photograph(1, 1, *size)
    pixels = size[0] * size[1] / (480 * 640)
    assert ratio(lambda: ef.hog(other), lambda: ef.hog(usual)) <= 1.4 * pixels + 0.03


def test_a_batch_from_memory_keeps_four_fifths_of_the_speed() -> None:
    one, batch = photograph(1, 1, 480, 640), photograph(96, 1, 480, 640)
    assert ratio(lambda: ef.hog(batch), lambda: ef.hog(one)) <= 96 / 0.8


def test_cells_layout_costs_a_tenth_at_most() -> None:
    image = photograph(1, 1, 480, 640)
    assert ratio(lambda: ef.hog(image, layout="cells"), lambda: ef.hog(image)) <= 1.1


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("assignment", ["nearest", "bilinear"])
def test_backward_takes_at_most_four_times_the_forward(assignment: str, colours: int) -> None:
    image = photograph(1, colours, 480, 640)
    leaf = image.clone().requires_grad_()
    out = ef.hog(leaf, assignment=assignment)
    grad = torch.rand_like(out)
    backward = lambda: torch.autograd.grad(out, leaf, grad, retain_graph=True)  # noqa: E731
    assert ratio(backward, lambda: ef.hog(image, assignment=assignment)) <= 4


@pytest.mark.skipif(torch.get_num_threads() < 2, reason="needs two cores")
def test_two_threads_gain() -> None:
    image = photograph(1, 1, 1080, 1920)

    def with_threads(count: int) -> Call:
        def call() -> None:
            torch.set_num_threads(count)
            ef.hog(image)

        return call

    gains = []
    for _ in range(10):  # at times another program has the second core for longer than a measurement takes
        gains.append(ratio(with_threads(1), with_threads(2)))
        if gains[-1] >= 1.5:
            break
        time.sleep(1)
    assert max(gains) >= 1.5, gains
