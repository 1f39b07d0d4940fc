"""Work ahead of its use changes nothing but the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.training.ahead import ahead

WORKERS = pytest.mark.parametrize("workers", [0, 1, 3])


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@given(st.lists(st.integers(), max_size=20), st.integers(0, 4))
def test_results_come_in_the_order_of_the_items(items: list[int], workers: int) -> None:
    assert list(ahead(lambda item: -item, items, workers)) == [-item for item in items]


def test_the_order_stays_where_the_first_takes_longest() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(10), "nobody works beside the first"
        else:
            second_is_done.set()
        return item

    assert list(ahead(work, range(4), 2)) == [0, 1, 2, 3]


@WORKERS
def test_no_more_is_begun_than_workers_ahead(workers: int) -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        return item

    for item in ahead(work, range(20), workers):
        assert sorted(begun) == list(range(len(begun)))
        assert item + 1 <= len(begun) <= item + 1 + workers
    assert len(begun) == 20


@WORKERS
def test_items_are_not_drawn_before_their_time(workers: int) -> None:
    drawn = []

    def items() -> Iterator[int]:
        for item in range(20):
            drawn.append(item)
            yield item

    for item in ahead(lambda item: item, items(), workers):
        assert len(drawn) == min(item + 1 + workers, 20)


@WORKERS
def test_an_exception_comes_at_its_place(workers: int) -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError(f"item {item}")
        return item

    results = ahead(work, range(20), workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="item 2"):
        next(results)
    assert list(results) == []


@WORKERS
def test_an_exception_of_the_items_comes_through(workers: int) -> None:
    def items() -> Iterator[int]:
        yield 0
        raise ValueError("no item")

    with pytest.raises(ValueError, match="no item"):
        list(ahead(lambda item: item, items(), workers))


@WORKERS
def test_whoever_takes_the_results_may_break_off(workers: int) -> None:
    done = []

    def take() -> None:
        for item in ahead(done.append, range(1000), workers):
            assert item is None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take()
    assert len(done) <= 1 + workers


def test_only_workers_work_in_threads() -> None:
    def thread(item: int) -> threading.Thread:
        return threading.current_thread()

    assert set(ahead(thread, range(9), 0)) == {threading.main_thread()}
    assert threading.main_thread() not in set(ahead(thread, range(9), 2))
