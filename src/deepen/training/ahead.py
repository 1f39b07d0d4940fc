"""Work done ahead of its use, by threads, in the order in which it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result]:
    """Yield `work` of every item in their order; so many threads work ahead of whoever takes the results.

    Without workers each result is made when it is taken. What is yielded is the same.
    """
    if workers == 0:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque[Future[Result]]()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
