"""What a contender is asked to do, and what it offers. Nothing here needs more than NumPy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RATE = 0.001
"""Adam's learning rate wherever speed is measured."""


@dataclass(frozen=True)
class Task:
    """A network, its data and how to compute it."""

    network: str
    batch: int
    folder: str
    """Where the images lie, as .npy files."""
    threads: int
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    """What one contender knows and others do not, such as deepen's engine."""

    def images(self, part: str = "train") -> Array:
        """Return the images of a part of the data, uint8 `(N, C, H, W)`."""
        return np.load(Path(self.folder) / f"{part}_images.npy")

    def labels(self, part: str = "train") -> Array:
        """Return the class numbers `(N,)`."""
        return np.load(Path(self.folder) / f"{part}_labels.npy")

    def scaled(self, part: str = "train") -> Array:
        """Return the images as float32 from 0 to 1."""
        return self.images(part).astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class Runner:
    """A contender that is ready."""

    rate: Callable[[int], float]
    """Computes so many steps and returns how much it did in a second."""
    per_step: float
    """How much a step is: images, for all but the measurement of the processor."""
    parameters: int | None = None
    """How many numbers it trains: the proof that all train the same network."""


Learner = Callable[[Task, Callable[[], None], Callable[[float, float], None]], None]
"""Trains once. It says when all is set up, then of each epoch how many seconds its steps took, without the
evaluation behind it, and the accuracy on the test images."""


def by_steps(step: Callable[[], object], batch: int, parameters: int | None = None) -> Runner:
    """Return the runner of what is called once for each step."""

    def rate(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return steps * batch / (time.perf_counter() - start)

    return Runner(rate, batch, parameters)


def shuffled(count: int, batch: int, seed: int = 0) -> Iterator[Array]:
    """Yield the indices of batch after batch, in a new order each time that all were seen."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        yield from (order[start : start + batch] for start in range(0, count - batch + 1, batch))


def parts(count: int, batch: int) -> Iterator[slice]:
    """Yield slice after slice of so many images, for ever."""
    while True:
        yield from (slice(start, start + batch) for start in range(0, count - batch + 1, batch))
