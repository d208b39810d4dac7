"""The machine's fused multiply-adds, by a few lines of C++ that are compiled at the first use."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".cpp")
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-w")
_STEPS = 2_000_000  # 5 to 10 ms: threads start in less than a hundredth of it


@functools.cache
def _library() -> ctypes.CDLL | None:
    """None without g++."""
    if shutil.which("g++") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        binary = f"{folder}/fma_peak.so"
        subprocess.run(["g++", *_FLAGS, str(_SOURCE), "-o", binary], check=True)
        library = ctypes.CDLL(binary)
    library.fma_run.argtypes = (ctypes.c_long, ctypes.c_float, ctypes.c_float, ctypes.c_void_p)
    return library


@dataclass(frozen=True)
class FusedThreads:
    """`run` does `operations` float32 products and sums, spread over threads."""

    library: ctypes.CDLL
    pool: ThreadPoolExecutor
    threads: int

    def _one(self, steps: int) -> int:
        out = ctypes.c_float()
        # 1 and 1e-9: nothing that overflows, and no subnormal numbers.
        width: int = self.library.fma_run(steps, 1.0, 1e-9, ctypes.byref(out))
        return width

    def run(self) -> None:
        list(self.pool.map(self._one, [_STEPS] * self.threads))

    @property
    def operations(self) -> float:
        return 2.0 * self._one(1) * _STEPS * self.threads


def fma_threads(threads: int) -> FusedThreads | None:
    library = _library()
    return None if library is None else FusedThreads(library, ThreadPoolExecutor(threads), threads)
