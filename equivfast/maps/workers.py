"""Work on many regressions, or on many maps, at once: one thread for each, and for the BLAS under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

# Each item has memory of its own, and they share Python's lock.
_APART = 8


def each(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Call `work`, which lets go of Python's lock for most of its time, with every item.

    As many at a time as torch has threads. NumPy's and SciPy's BLAS share them out: an item alone has all of them.
    Left to themselves these libraries would start as many threads as the machine has cores for each item.
    """
    threads = torch.get_num_threads()
    together = max(1, min(threads, len(items)))
    with _blas().limit(limits=threads // together, user_api="blas"):
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
    programs want the processors too they wait ten times as long as they work.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(min(threads, _APART), initializer=torch.set_num_threads, initargs=(1,))
    with _blas().limit(limits=1, user_api="blas"):
        try:
            yield from pool.map(work, items)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # what a thread sets is taken over by threads that start later


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
