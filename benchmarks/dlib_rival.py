"""dlib's FHOG from its C++ headers, which its Python package does not show: compiled here at the first use.

EQUIVFAST_DLIB names a folder that holds ``dlib/image_transforms/fhog.h``, such as the unpacked sources of the package
(``pip download --no-deps --no-binary :all: dlib``); without it the system's headers are tried.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SOURCE = Path(__file__).with_name("dlib_fhog.cpp")
_BINARY = Path(__file__).resolve().parents[1] / "build" / "benchmarks" / "dlib_fhog.so"
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-shared", "-fPIC", "-w")


def headers() -> Path | None:
    named = os.environ.get("EQUIVFAST_DLIB")
    for folder in [Path(named)] if named else [Path("/usr/include"), Path("/usr/local/include")]:
        if (folder / "dlib" / "image_transforms" / "fhog.h").is_file():
            return folder
    if named:
        raise FileNotFoundError(f"EQUIVFAST_DLIB must hold dlib/image_transforms/fhog.h, got {named}")
    return None


def version() -> str:
    folder = headers()
    if folder is None:
        return "absent: EQUIVFAST_DLIB names no headers"
    text = (
        (folder / "dlib" / "CMakeLists.txt").read_text()
        if (folder / "dlib" / "CMakeLists.txt").is_file()
        else ""
    )
    numbers = re.findall(r"CPACK_PACKAGE_VERSION_\w+ \"(\d+)\"", text)
    return ".".join(numbers) or "headers"


@functools.cache
def _library() -> ctypes.CDLL | None:
    folder = headers()
    if folder is None:
        return None
    _BINARY.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["g++", *_FLAGS, f"-I{folder}", str(_SOURCE), "-o", str(_BINARY)], check=True)
    library = ctypes.CDLL(str(_BINARY))
    library.dlib_fhog_job.restype = ctypes.c_void_p
    library.dlib_fhog_job.argtypes = (
        ctypes.c_void_p,
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_int,
    )
    library.dlib_fhog_run.argtypes = library.dlib_fhog_free.argtypes = (ctypes.c_void_p,)
    return library


def dlib(images: NDArray[Any], cell: int) -> Callable[[], object] | None:
    """31 channels of uint8 images (n, h, w) or (n, h, w, 3), one after the other; None without headers."""
    library = _library()
    if library is None:
        return None
    jobs = []
    for image in images:
        pixels = np.ascontiguousarray(image).clip(0, 255).astype(np.uint8)
        jobs.append(library.dlib_fhog_job(pixels.ctypes.data, *pixels.shape[:2], int(pixels.ndim == 3), cell))
    return lambda: [library.dlib_fhog_run(job) for job in jobs]
