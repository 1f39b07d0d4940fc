"""How long networks take for an image, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np

from deepen import engines
from deepen.engines import Setup
from deepen.paths import Shape
from deepen.spec import Layer

BATCHES = (1, 32)
"""One image, as somebody waits for it, and enough of them to keep an engine busy."""

ROUNDS = 5
"""How many rounds there are at least."""

SECONDS = 2.0
"""How long all of them take together at least: what is quick has many more of them."""


@dataclass(frozen=True)
class Timing:
    """What was measured, and with what."""

    seconds: tuple[dict[int, float], ...]
    """For each network, the seconds that an image takes by the size of the batch that it is in."""
    engine: str
    threads: int
    rounds: int

    def __str__(self) -> str:
        batches = " and ".join(map(str, BATCHES))
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.engine}, {threads}, batches of {batches}, medians of {self.rounds} rounds"


def measure(networks: Sequence[tuple[Layer, Shape]]) -> Timing:
    """Return how long each network takes for an image `(C, H, W)` in evaluation, as a median over rounds.

    The networks take turns, so that what else the machine does falls on all of them alike. Weights and images
    are random.
    """
    choice = engines.choose()
    rng = np.random.default_rng(0)
    made = [(engines.create(Setup(network, shape), choice), shape) for network, shape in networks]
    calls = [(engine, rng.random((batch, *shape), np.float32)) for engine, shape in made for batch in BATCHES]
    for engine, images in calls:
        engine.outputs(images)  # the first call takes longer
    taken: list[list[float]] = [[] for _ in calls]
    end = perf_counter() + SECONDS
    while len(taken[0]) < ROUNDS or perf_counter() < end:
        for (engine, images), times in zip(calls, taken, strict=True):
            start = perf_counter()
            engine.outputs(images)
            times.append((perf_counter() - start) / len(images))
    found = iter(map(median, taken))
    seconds = tuple({batch: next(found) for batch in BATCHES} for _ in networks)
    return Timing(seconds, str(choice), made[0][0].threads, len(taken[0]))
