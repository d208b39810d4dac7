"""What this build is and what runs on this machine."""

from __future__ import annotations

import platform
from importlib import metadata

import numpy as np
import torch

from equivfast import _core


def set_cpu_level(name: str | None) -> None:
    """Forces a CPU level: ``baseline``, ``avx2``, ``avx512`` or ``avx512icl``.

    None returns to the level that the environment variable ``EQUIVFAST_CPU`` names, else to the widest. The variable is
    read when a kernel first runs.

    Raises      ValueError, with the levels that this machine runs, for any other name
    """
    _core.set_cpu_level(name or "")


def build_info() -> dict[str, object]:
    """Versions, compiler, the CPU level in use, the CUDA architectures compiled and the devices found.

    >>> build_info()["cpu_level"] in build_info()["cpu_levels"]
    True
    """
    devices, problem = _core.cuda_devices()
    return {
        "version": metadata.version("equivfast"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        **_core.build(),
        "threads": torch.get_num_threads(),
        "cuda_devices": [
            f"{name} (compute {cc / 10:.1f}, runs code for {runs / 10:.1f})" for name, cc, _, runs in devices
        ],
        "cuda_problem": problem,
    }
