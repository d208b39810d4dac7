"""Long work side by side: one thread each, results in order, and everything as before afterwards."""

from __future__ import annotations

import threading

import pytest
import torch
from threadpoolctl import ThreadpoolController

from equivfast.maps.workers import apart, each

POOLS = ThreadpoolController().select(user_api="blas")


def sizes() -> list[int]:
    return [pool["num_threads"] for pool in POOLS.info()]


def test_items_have_a_thread_each_and_come_in_order(threads: int) -> None:
    before, together = sizes(), threading.Barrier(threads)

    def work(item: int) -> tuple[int, int, list[int]]:
        if item < threads:
            together.wait(20)  # passes only when so many run at once
        each(lambda _: None, [0, 1])  # what the work does by itself does not widen it
        return item, torch.get_num_threads(), sizes()

    found = list(apart(work, range(7)))
    assert found == [(item, 1, [1] * len(before)) for item in range(7)]
    assert torch.get_num_threads() == threads and sizes() == before
    seen: list[int] = []
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen == [threads]


def test_work_that_fails_or_is_given_up_leaves_the_rest_undone(threads: int) -> None:
    before, begun = sizes(), []
    ready = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            return item
        if item == 1:
            raise OSError("no")
        ready.wait(20)
        return item

    results = apart(work, range(100))
    assert next(results) == 0
    ready.set()
    with pytest.raises(OSError, match="no"):
        next(results)
    assert torch.get_num_threads() == threads and sizes() == before
