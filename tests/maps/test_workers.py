"""Long work side by side: one thread each, results in order, and everything as before afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import torch
from threadpoolctl import ThreadpoolController

from equivfast.maps.workers import apart, each

T = TypeVar("T")
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


def in_new_thread(call: Callable[[], T]) -> T:
    """What `call` gives in a thread that starts now, and so takes over torch's count."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_calls_that_overlap_leave_all_threads(first_ends_first: bool) -> None:
    before, torch_before = sizes(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = apart(lambda item: item, range(2))
        assert next(first) == 0
        with ThreadPoolExecutor(1) as other:  # a thread that starts while torch's count is 1
            second = apart(lambda item: (item, torch.get_num_threads(), sizes()), range(2))
            assert other.submit(next, second).result() == (0, 1, [1] * len(before))
            if first_ends_first:
                assert list(first) == [1] and sizes() == [1] * len(before)
                assert [item for item, *_ in other.submit(list, second).result()] == [1]
            else:
                assert [item for item, *_ in other.submit(list, second).result()] == [1]
                assert sizes() == [1] * len(before) and list(first) == [1]
            assert other.submit(torch.get_num_threads).result() == 2
        assert torch.get_num_threads() == in_new_thread(torch.get_num_threads) == 2 and sizes() == before
    finally:
        torch.set_num_threads(torch_before)


def test_regressions_that_overlap_leave_the_blas_as_it_was() -> None:
    before, begun, go = sizes(), threading.Event(), [threading.Event(), threading.Event()]
    threads = torch.get_num_threads()

    def work(k: int) -> None:
        begun.set()
        assert go[k].wait(20)

    # One thread of torch's: what the BLAS is held to, too.
    with ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        ends = []
        for k in range(2):
            begun.clear()
            ends.append(pool.submit(each, work, [k]))
            assert begun.wait(20)
        for event, end in zip(go, ends, strict=True):
            event.set()
            end.result()
    torch.set_num_threads(threads)  # for threads that start later
    assert sizes() == before


def test_work_inside_work_has_one_thread(threads: int) -> None:
    def work(item: int) -> tuple[list[int], int]:
        return list(apart(lambda _: torch.get_num_threads(), range(2))), torch.get_num_threads()

    assert list(apart(work, range(3))) == [([1, 1], 1)] * 3
    assert torch.get_num_threads() == in_new_thread(torch.get_num_threads) == threads
