"""What an evaluation has found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from deepen.arrays import Array


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found; it unpacks as Keras' does: `loss, accuracy = model.evaluate(x, y)`."""

    loss: float
    metrics: Mapping[str, float]
    count: int
    """How many images were looked at: all of them."""
    probabilities: Array
    """What `predict` gives for these images, `(N, K)`."""
    confusion: Array
    """Counts `(K, K)`: row = label, column = prediction."""

    @property
    def accuracy(self) -> float:
        """The share of images, from 0 to 1, that were classified rightly."""
        return float(np.trace(self.confusion)) / self.count

    def __iter__(self) -> Iterator[float]:
        yield from (self.loss, *self.metrics.values())

    def __getitem__(self, index: int) -> float:
        return tuple(self)[index]
