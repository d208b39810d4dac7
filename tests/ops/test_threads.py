"""Threads: many callers at once, forked children, Ctrl-C in the middle of one long call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from transform_cases import CASES

import equivfast as ef


def test_many_callers_at_once_get_what_one_gets(threads: int) -> None:
    images = torch.rand(6, 1, 3, 96, 120, generator=torch.Generator().manual_seed(0))
    inputs = CASES["3x3"].build(torch.float32)

    def gradient(image: torch.Tensor) -> torch.Tensor:
        leaf = image.clone().requires_grad_()
        ef.hog(leaf).square().sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    calls = [
        call
        for image in images
        for call in (
            partial(ef.hog, image),
            partial(gradient, image),
            partial(ef.feature_transform, **inputs),
        )
    ]
    alone = [call() for call in calls]

    def same(i: int) -> bool:
        return torch.equal(calls[i % len(calls)](), alone[i % len(calls)])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, range(600)))


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


FORK = """
import os, sys, torch, equivfast as ef
torch.set_num_threads(2)
image = torch.arange(200 * 200 * 3).remainder(251).float().reshape(1, 3, 200, 200)
wanted = ef.hog(image)                       # the parent's pool now has a thread that no child inherits
children = []
threads = lambda: len(os.listdir("/proc/self/task"))
for _ in range(3):
    child = os.fork()
    if child == 0:
        before = threads()
        same = all(torch.equal(ef.hog(image), wanted) for _ in range(5)) and threads() == before + 1
        grandchild = os.fork() if same else 0
        if same and grandchild == 0:
            os._exit(0 if torch.equal(ef.hog(image), wanted) and threads() == 2 else 4)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) if same else 3)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(0 if codes == [0, 0, 0] and torch.equal(ef.hog(image), wanted) else repr(codes))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux' fork and list of threads")
def test_a_forked_child_computes_with_threads_of_its_own() -> None:
    result = run(FORK)
    assert result.returncode == 0, result.stderr


DATA_LOADER = """
import torch, equivfast as ef
images = torch.rand(8, 1, 64, 64)
wanted = ef.hog(images)
class Fields(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, i): return ef.hog(images[i : i + 1])[0]
loader = torch.utils.data.DataLoader(Fields(), batch_size=4, num_workers=2, multiprocessing_context="fork")
assert torch.equal(torch.cat(list(loader)), wanted)
"""


def test_works_in_data_loader_workers() -> None:
    result = run(DATA_LOADER)
    assert result.returncode == 0, result.stderr


# Each works for many seconds inside a single call. The long batches repeat one image by a stride of zero.
LONG_CALLS = {
    "hog": """
images = torch.rand(1, 5, 400, 400).expand(40_000, 5, 400, 400)
ready()
ef.hog(images, cell=40, assignment="bilinear")
""",
    "hog_backward": """
image = torch.rand(1, 5, 400, 400).expand(20_000, 5, 400, 400)
grad = torch.ones(1, 1, 1, 1).expand(20_000, 31, 10, 10)
into = torch.empty(1, 5, 400, 400).expand(image.shape)      # of its own shape it would not fit the memory
ready()
from equivfast import _core
_core.hog_backward(image.data_ptr(), 1, image.shape, image.stride(), grad.data_ptr(), grad.shape, grad.stride(),
                   into.data_ptr(), into.stride(), 40, 9, 0, False, torch.get_num_threads())
""",
    "skimage_hog": """
import numpy as np
from equivfast.compat import skimage
image = np.broadcast_to(np.arange(20_000, dtype=np.uint8), (1_000_000, 20_000))
ready()
skimage.hog(image, pixels_per_cell=(500, 40))
""",
    "feature_transform": """
x, index = torch.rand(1, 64, 16, 16).expand(100_000, 64, 16, 16), torch.arange(64).reshape(8, 8)
ready()
ef.feature_transform(x, index, torch.rand(8, 64, 7, 7))
""",
    # Every image is several jobs of microseconds here: none of them lasts until it is time to ask.
    "feature_transform_backward": """
x, index = torch.rand(1, 16, 8, 8).expand(800_000, 16, 8, 8), torch.arange(64).reshape(8, 8, 1)
grad, mix = torch.ones(1, 1, 1, 1).expand(800_000, 4, 8, 8), torch.rand(4, 16, 1, 1)
ready()
torch.ops.equivfast.feature_transform_backward(
    grad, x, index, mix, None, None, 1, None, None, False, True, False
)
""",
}
# A shell starts background jobs with SIGINT ignored, and their children inherit that.
PROLOGUE = """
import signal, torch, equivfast as ef
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads({threads})
def ready(): print("ready", flush=True)
"""
EPILOGUE = '\nprint("finished", flush=True)\n'


@pytest.mark.parametrize(
    ("call", "workers"),
    [
        ("hog", 1),
        ("hog", 2),
        ("hog_backward", 2),
        ("skimage_hog", 1),
        ("skimage_hog", 2),
        ("feature_transform", 2),
        ("feature_transform_backward", 2),
    ],
)
def test_ctrl_c_ends_a_long_call(call: str, workers: int) -> None:
    script = PROLOGUE.format(threads=workers) + LONG_CALLS[call] + EPILOGUE
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(0.5)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            printed, error = process.communicate(timeout=120)
        finally:
            process.kill()
    assert time.monotonic() - sent < 2
    assert printed == "", "the call was over before it was interrupted"
    assert error.rstrip().endswith("KeyboardInterrupt"), error
