"""What a search takes beside its bank and its fields stays small, whatever the number of poses and images."""

from __future__ import annotations

import numpy as np
import pytest
from benchmark_modules import benchmark_modules

import equivfast as ef

RNG = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, dtype=np.float32)


@pytest.fixture(scope="module")
def bank() -> ef.PoseBank:
    return ef.PoseBank(noise(1000, 31, 8, 8))


@pytest.mark.parametrize("over", ["location", "image"])
def test_a_batch_takes_less_than_100_mib(over: str, bank: ef.PoseBank, threads: int) -> None:
    """Of which 15 MiB are the results of every window; the scores of all poses would be 990 MB."""
    fields = noise(64, 31, 60, 80)
    bank.argmax(fields[:1], over=over)  # lays out the bank
    with benchmark_modules("machine") as modules:
        found = modules["machine"].peak_memory(lambda: bank.argmax(fields, over=over))
    if found is None:
        pytest.skip("this kernel does not let a process reset its peak memory")
    assert found <= 100


def test_the_spectrum_is_at_most_five_banks(bank: ef.PoseBank) -> None:
    bank.argmax(noise(1, 31, 20, 20))
    (panels,) = (kept for plan, kept in bank._panels.items() if plan.route == "fft")
    assert max(tensor.nbytes for tensor in panels.tensors) <= 5 * bank.templates.nbytes
