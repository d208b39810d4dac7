"""Calls leave no memory behind."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

import pytest

# The C library's own count of the bytes in use, for the whole of the process: with these settings Python's objects are
# its too, all threads share one heap, and what a thread freed is not kept back for it. What every call leaves shows in
# every round, and so in the least of them; what is set up once, or fills up a little at a time, does not.
SETTINGS = {
    "PYTHONMALLOC": "malloc",
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",
}
SCRIPT = """
import ctypes, gc, json
import numpy as np, torch
import equivfast as ef
from equivfast.compat import skimage

torch.set_num_threads(2)
image = torch.rand(1, 1, 64, 64)
array = image[0, 0].double().numpy()
field, index, mix = torch.rand(1, 8, 8, 8), torch.arange(64).reshape(8, 8), torch.rand(8, 8)
banks = {route: ef.PoseBank(torch.rand(40, 8, 3, 3), route=route) for route in ("direct", "fft", "low_rank")}
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
    "pose_argmax": lambda: ef.pose_argmax(field, banks["direct"].templates),
    "pose_argmax backward": lambda: backward(lambda x: ef.pose_argmax(x, banks["direct"].templates)[0], field),
    **{f"PoseBank, {route}": lambda bank=bank: bank.argmax(field) for route, bank in banks.items()},
    "PoseBank, over the image": lambda: banks["low_rank"].argmax(field, over="image", top_k=3),
    "an object is kept": lambda: kept.append(object()),
}

class Heap(ctypes.Structure):  # glibc's struct mallinfo2
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "mapped", "usmblks", "fsmblks", "used", "fordblks", "keepcost"
    )]

heap = ctypes.CDLL(None).mallinfo2
heap.restype = Heap

def in_use():
    gc.collect()
    return heap().used + heap().mapped

def growth(call, rounds=9, calls=500):
    for _ in range(4 * calls):
        call()
    sizes = [in_use()]
    for _ in range(rounds):
        for _ in range(calls):
            call()
        sizes.append(in_use())
    return min(np.diff(sizes).tolist()) / calls

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
    "pose_argmax",
    "pose_argmax backward",
    "PoseBank, direct",
    "PoseBank, fft",
    "PoseBank, low_rank",
    "PoseBank, over the image",
)
LIMIT = 8  # bytes: half of the smallest object of Python's, and of the least that malloc gives

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc's mallinfo2")


@pytest.fixture(scope="module")
def bytes_of_a_call() -> dict[str, float]:
    command = [sys.executable, "-c", SCRIPT]
    environment = os.environ | SETTINGS
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", CALLS)
def test_thousands_of_calls_leave_nothing_behind(call: str, bytes_of_a_call: dict[str, float]) -> None:
    assert bytes_of_a_call[call] < LIMIT


def test_the_smallest_leak_would_show(bytes_of_a_call: dict[str, float]) -> None:
    assert bytes_of_a_call.keys() - {"an object is kept"} == set(CALLS)
    assert bytes_of_a_call["an object is kept"] > LIMIT
