"""Work on a batch a few images at a time: small enough for the cache, and spread over the cores."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

BLOCK_BYTES = 2**21
"""How much of the widest array a block makes: it is used again while it is still in cache."""


def over_blocks(work: Callable[[slice], T], images: int, bytes_per_image: int) -> list[T]:
    """Call `work` with slices that cover the images, side by side, and return what it gives in their order.

    What is added to what does not depend on the number of threads.
    """
    size = max(1, BLOCK_BYTES // max(1, bytes_per_image))
    blocks = [slice(start, start + size) for start in range(0, images, size)]
    if len(blocks) < 2 or threads() < 2:
        return [work(block) for block in blocks]
    # NumPy's floating point settings belong to the context, which threads do not inherit by themselves.
    contexts = [contextvars.copy_context() for _ in blocks]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(lambda context, block: context.run(work, block), contexts, blocks))


def threads() -> int:
    """Return how many threads work on the blocks of a batch."""
    return _products()[1]


class _OneThread:
    """Holds matrix products to one thread while any pass is under way.

    The setting is the whole process's: of several passes at once the first makes it, the last takes it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passes = 0
        self._limit: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        controller, _ = _products()
        with self._lock:
            self._passes += 1
            if self._passes == 1:
                self._limit = controller.limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self._lock:
                self._passes -= 1
                if self._passes == 0:
                    self._limit.restore_original_limits()


one_thread_products = _OneThread()
"""Let each matrix product run in one thread, so that blocks can be spread over the cores instead.

For products this small that is faster. It has to hold for a whole pass: after a product in several threads these
go on waiting busily for the next one, on the cores that the blocks need.
"""


@cache
def _products() -> tuple[Any, int]:
    """Return what controls NumPy's matrix products, and how many threads these would use by themselves."""
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    threads = [library["num_threads"] for library in controller.info() if library["user_api"] == "blas"]
    return controller, max(threads, default=os.cpu_count() or 1)
