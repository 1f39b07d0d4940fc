"""Work on many pictures, several at once where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deepen.data.decoding import quiet
from deepen.data.progress import progress

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CHUNK = 8
_SMALL_SIDE = 256


def threads_for(side: int) -> int:
    """Return how many threads decode pictures of so many pixels on a side: one per core, or one if they are small.

    Pillow lets go of the interpreter while it decodes and scales. With small pictures that is so often and so
    briefly that threads hold each other up: two on two cores took 1.4 times as long as one for 32 × 32 pixels,
    and half as long for 3000 × 3000.
    """
    return (os.cpu_count() or 1) if side >= _SMALL_SIDE else 1


def for_pictures(
    work: Callable[[_Item], _Result], items: Sequence[_Item], title: str, threads: int
) -> list[_Result]:
    """Return `work` of every item, in the items' order, with Pillow silenced; a terminal sees a bar."""
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    results: list[_Result] = []
    with quiet(), progress(title, len(items), "pictures") as advance, ThreadPoolExecutor(threads) as pool:
        for found in pool.map(lambda chunk: [work(item) for item in chunk], chunks):
            results += found
            advance(len(found))
    return results
