"""Work on many regressions at once: one thread for each, and for the BLAS under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

T = TypeVar("T")


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


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
