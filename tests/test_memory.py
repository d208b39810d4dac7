"""Calls leave no memory behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# One process for all: a leak would hide in what other tests have freed. The rounds are long enough for a page to be
# filled by objects of any size; what is set up once, or once in a while, does not move their median.
SCRIPT = """
import json, os, statistics
import numpy as np, torch
import equivfast as ef
from equivfast.compat import skimage

torch.set_num_threads(2)
image = torch.rand(1, 1, 64, 64)
array = image[0, 0].double().numpy()
field, index, mix = torch.rand(1, 8, 8, 8), torch.arange(64).reshape(8, 8), torch.rand(8, 8)
kept = []

def backward(function, leaf, *rest):
    leaf = leaf.clone().requires_grad_()
    function(leaf, *rest).sum().backward()
    return leaf.grad

def refused():
    try:
        ef.hog(image, cell=0)
    except ValueError:
        return
    raise AssertionError

CALLS = {
    "hog": lambda: ef.hog(image),
    "hog, NumPy": lambda: ef.hog(array),
    "hog, refused": refused,
    "hog backward": lambda: backward(ef.hog, image),
    "skimage hog": lambda: skimage.hog(array),
    "skimage hog, picture": lambda: skimage.hog(array, visualize=True),
    "feature_transform": lambda: ef.feature_transform(field, index, mix),
    "feature_transform backward": lambda: backward(ef.feature_transform, field, index, mix),
    "an object is kept": lambda: kept.append(object()),
}

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def growth(call, rounds=9, calls=1000):
    for _ in range(2 * calls):
        call()
    sizes = [resident()]
    for _ in range(rounds):
        for _ in range(calls):
            call()
        sizes.append(resident())
    return statistics.median(np.diff(sizes).tolist()) / calls

print(json.dumps({name: growth(call) for name, call in CALLS.items()}))
"""
CALLS = (
    "hog",
    "hog, NumPy",
    "hog, refused",
    "hog backward",
    "skimage hog",
    "skimage hog, picture",
    "feature_transform",
    "feature_transform backward",
)
LIMIT = 8  # bytes: half of the smallest object of Python's, and of the least that malloc gives

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux' /proc")


@pytest.fixture(scope="module")
def bytes_of_a_call() -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", CALLS)
def test_thousands_of_calls_leave_nothing_behind(call: str, bytes_of_a_call: dict[str, float]) -> None:
    assert bytes_of_a_call[call] < LIMIT


def test_the_smallest_leak_would_show(bytes_of_a_call: dict[str, float]) -> None:
    assert bytes_of_a_call.keys() - {"an object is kept"} == set(CALLS)
    assert bytes_of_a_call["an object is kept"] > LIMIT
