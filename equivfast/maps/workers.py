"""Work on many regressions, or on many maps, at once: one thread for each, and for the BLAS under it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import torch
from threadpoolctl import OpenBLASController, ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

# Each item has memory of its own, and they share Python's lock.
_APART = 8


class _Counts:
    """How many threads torch and the BLAS had before the first of the calls that are under way.

    Both counts belong to the process, and calls from several Python threads may overlap: one that put back what it
    had found would leave the limit of another behind. The lock is taken again where a call that was given up is
    cleared away inside it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.torch, self.apart = 1, 0
        self.blas: Any = None
        self.limits: list[int] = []


_counts = _Counts()
_mine = threading.local()


def each(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Call `work`, which lets go of Python's lock for most of its time, with every item.

    As many at a time as torch has threads. NumPy's and SciPy's BLAS share them out: an item alone has all of them.
    Left to themselves these libraries would start as many threads as the machine has cores for each item.
    """
    threads = torch.get_num_threads()
    together = max(1, min(threads, len(items)))
    with _blas_limited(threads // together):
        if together == 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(together) as pool:
            for _ in pool.map(work, items):
                pass


def apart(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """The results of `work`, in the items' order: as many items at a time as torch has threads (up to 8), one thread
    each.

    For long work in many small steps. Threads that share small steps mostly wait for each other, and where other
    programs want the processors too they wait ten times as long as they work. Calls may overlap: all threads are
    back when the last has ended. Work that calls it again has one thread.
    """
    with _torch_kept() as threads, _blas_limited(1):
        pool = ThreadPoolExecutor(min(threads, _APART), initializer=_be_one)
        try:
            yield from pool.map(work, items)
        finally:
            pool.shutdown(cancel_futures=True)


def _be_one() -> None:
    _mine.one = True
    torch.set_num_threads(1)


@contextmanager
def _torch_kept() -> Iterator[int]:
    """Torch's threads before any call; afterwards this thread, and those that start later, have them again."""
    if getattr(_mine, "one", False):
        yield 1
        return
    with _counts.lock:
        if not _counts.apart:
            _counts.torch = torch.get_num_threads()
        _counts.apart += 1
    try:
        yield _counts.torch
    finally:
        with _counts.lock:
            _counts.apart -= 1
            # What a thread sets is taken over by threads that start later; this one may have started among workers.
            torch.set_num_threads(_counts.torch)


@contextmanager
def _blas_limited(limit: int) -> Iterator[None]:
    """The least limit of all that are wanted at the time; what was there before when none is."""
    with _counts.lock:
        if not _counts.limits:
            _counts.blas = _blas().limit()
        _counts.limits.append(limit)
        _set_blas()
    try:
        yield
    finally:
        with _counts.lock:
            _counts.limits.remove(limit)
            _set_blas()


def _set_blas() -> None:
    if _counts.limits:
        _blas().limit(limits=min(_counts.limits), user_api="blas")
    else:
        _counts.blas.restore_original_limits()
    # From threadpoolctl 3.8 on OpenBLAS listens to the thread that set it first, and another may be the last here.
    if release := getattr(OpenBLASController, "clear_controlling_thread", None):
        release()


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    # The BLAS alone: OpenMP's count is each thread's own, and is not to be carried into another.
    return ThreadpoolController().select(user_api="blas")
