"""Memory that the program keeps for the tensors that come next."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from equivfast.cli.memory import keep_freed_memory

# The first dozen find their places: a freed block is a little too small for the next aligned one of its size.
SCRIPT = """
import resource, torch
from equivfast.cli.memory import keep_freed_memory
kept = keep_freed_memory()
def faults():
    torch.ones(16 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
seen = [faults() for _ in range(20)]
print(kept, seen[-1] - seen[-2])
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc"
)
def test_tensors_that_follow_need_no_fresh_pages() -> None:
    command = [sys.executable, "-c", SCRIPT]
    kept, faults = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert kept == "True"
    assert int(faults) < 500  # 64 MiB are 16,384 pages of 4 KiB


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False
