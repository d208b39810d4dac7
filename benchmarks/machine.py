"""What the machine is, how fast it moves memory, and how much of it a call takes."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fma_peak import fma_threads

import equivfast as ef

ROOT = Path(__file__).resolve().parent.parent
CACHED_BYTES = 1 << 20  # about the size of a gray 640 x 480 image

Limits = dict[str, dict[str, dict[str, float]]]


def _repeat(call: Callable[[], object], amount: float, rounds: int, calls: int) -> dict[str, float]:
    """1e9 of ``amount`` a second: median and spread over rounds."""
    call()
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rates.append(amount * calls / (time.perf_counter() - start) / 1e9)
    p10, median, p90 = np.quantile(rates, (0.1, 0.5, 0.9))
    return {"median": float(median), "p10": float(p10), "p90": float(p90)}


def measure_limits(size: int) -> Limits:
    """GB/s read and copied (read + written), from memory and from cache, and Gflop/s of a matrix product.

    With a C++ compiler at hand also Gflop/s of fused multiply-adds in registers, what no float32 program exceeds.

    A scalar product of a vector with itself reads it once and computes next to nothing; copies are torch's or
    NumPy's, whichever is faster. ``size`` bytes stand for memory: more than the caches, if the caller is right.
    """
    found: Limits = {"read": {}, "copy": {}, "multiply": {}}
    for place, count in (("memory", size), ("cache", CACHED_BYTES)):
        found["read"][place], found["copy"][place] = _read_and_copy(count)
    square = torch.ones(768, 768)
    found["multiply"]["cache"] = _repeat(lambda: square @ square, 2 * 768**3, 7, 3)
    fused = fma_threads(torch.get_num_threads())
    if fused is not None:
        found["multiply"]["fma"] = _repeat(fused.run, fused.operations, 7, 1)
    return found


def _read_and_copy(count: int) -> tuple[dict[str, float], dict[str, float]]:
    source = torch.ones(count // 4)
    target = torch.zeros_like(source)
    a, b = source.numpy(), target.numpy()
    calls = max(1, (1 << 26) // count)
    copies = (lambda: target.copy_(source), lambda: np.copyto(b, a))
    read = _repeat(lambda: torch.dot(source, source), count, 7, calls)
    copy = max((_repeat(call, 2 * count, 7, calls) for call in copies), key=lambda s: s["median"])
    return read, copy


def peak_memory(call: Callable[[], object]) -> float | None:
    """MiB that a call adds to the resident memory at its peak, result included; None where Linux does not tell."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # or memory that was freed before would be used again, unseen
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        start = _resident("VmRSS")
        result = call()
        peak = _resident("VmHWM")
        del result
    except (OSError, AttributeError):
        return None
    return max(0.0, (peak - start) / 1024)


def _resident(key: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{key}:", 1)[1].split(None, 1)[0])


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0].splitlines()
        facts = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        names = ("model name", "cpu family", "model", "stepping")
        name, family, model, stepping = (facts[key] for key in names)
        return f"{name}, family {family} model {model} stepping {stepping}"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def load() -> list[float]:
    return [round(x, 2) for x in os.getloadavg()]


def commit() -> str | None:
    """Short hash of the sources, marked if the library differs from it; None outside a git checkout."""
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]
    try:
        head = subprocess.check_output(
            [*git, "rev-parse", "--short", "HEAD"], stderr=subprocess.DEVNULL, text=True
        )
        status = [*git, "status", "--porcelain", "-uno", "--", "csrc", "equivfast", "CMakeLists.txt"]
        changed = subprocess.check_output(status, stderr=subprocess.DEVNULL, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.strip() + ("-modified" if changed.strip() else "")


def metadata(rivals: dict[str, str], seed: int) -> dict[str, Any]:
    """All that a figure depends on. ``rivals``: name -> version, or why it did not take part."""
    info = ef.build_info()
    return {
        "date_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu_level": info["cpu_level"],
        "cpu_levels": info["cpu_levels"],
        "platform": platform.platform(),
        "compiler": info["compiler"],
        "versions": {key: str(info[key]) for key in ("version", "python", "torch", "numpy")},
        "rivals": rivals,
        "seed": seed,
        "load_before": load(),
        "load_after": load(),
    }
