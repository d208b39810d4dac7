"""LAPACK without Python's global lock, so that threads factor many matrices side by side.

SciPy's own faces of these routines keep the lock while they compute; the pointers that it publishes for Cython are
the same routines, and ctypes lets go of the lock before it calls them. Matrices here are symmetric and stored by
rows, LAPACK reads by columns: its upper triangle is the lower one here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_lapack

Array = NDArray[np.float64]


def cholesky(matrix: Array) -> bool:
    """Replace a symmetric matrix by its factor, matrix = L L^T, L in the lower triangle; False: not definite."""
    return not _call("dpotrf", b"U", len(matrix), matrix, len(matrix))


def pivoted_cholesky(matrix: Array, tolerance: float) -> tuple[NDArray[np.intc], int]:
    """Replace a semi-definite matrix by its factor with pivoting; the order of the pivots, and the rank.

    matrix[order][:, order] = L L^T; the first `rank` columns of L hold, below pivots^2 <= tolerance nothing does.
    """
    n = len(matrix)
    order, rank = np.empty(n, dtype=np.intc), ctypes.c_int()
    _call("dpstrf", b"U", n, matrix, n, order, rank, tolerance, np.empty(2 * n))
    return order - 1, rank.value


def solve(factor: Array, right: Array) -> Array:
    """The solutions (q, n) of L L^T z = b for the rows b of right (q, n); L is the factor's first n rows."""
    found = np.array(right, order="C")
    substitute(factor, found)
    substitute(factor, found, transposed=True)
    return found


def substitute(factor: Array, right: Array, transposed: bool = False) -> None:
    """Replace each row b of right (q, n) by the solution of L z = b, or of L^T z = b, L the factor's first n rows."""
    q, n = right.shape
    _call("dtrtrs", b"U", b"N" if transposed else b"T", b"N", n, q, factor, len(factor), right, n)


def _call(name: str, *arguments: Any) -> int:
    """LAPACK's `info`."""
    info = ctypes.c_int()
    routine = _routine(name)
    routine(*(_pointer(value) for value in arguments), ctypes.byref(info))
    if info.value < 0:
        raise ValueError(f"lapack: argument {-info.value} of {name} is illegal, got {arguments!r}")
    return info.value


def _pointer(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        assert value.flags.c_contiguous
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, bytes):
        return ctypes.c_char_p(value)
    if isinstance(value, ctypes.c_int):
        return ctypes.byref(value)
    return ctypes.byref(ctypes.c_double(value) if isinstance(value, float) else ctypes.c_int(value))


@cache
def _routine(name: str) -> Callable[..., None]:
    capsule, api = cython_lapack.__pyx_capi__[name], ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    signature = api.PyCapsule_GetName(capsule)
    assert b"int *" in signature, f"{name} takes integers of 32 bits, got {signature!r}"
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None)(api.PyCapsule_GetPointer(capsule, signature))
