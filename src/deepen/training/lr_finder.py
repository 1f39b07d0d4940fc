"""A search for the learning rate: some steps at rates that grow, and a look at what the loss did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from math import sqrt
from typing import Any, Protocol

import numpy as np

from deepen.engines.base import Engine
from deepen.errors import NonFiniteError, UsageError
from deepen.inputs import as_pair
from deepen.training.order import steps_of

LOWEST, HIGHEST = 1e-7, 10.0
SMOOTHING = 0.8
DIVERGED = 4
"""The search ends where the smoothed loss is so many times the lowest one."""

STILL = 5
"""One in so many steps is made at rates so low that the loss only varies with the images."""

CLEAR = 4
"""A descent is clear if it is so many times as deep as the loss varies from batch to batch."""

LEAST_VARIATION = 0.01
"""The share of the loss that counts as its variation where batches are hardly different."""


@dataclass(frozen=True)
class LRFinding:
    """What a search has seen: lists of one length, an entry for each step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    """The exponential mean of the losses, `mₜ = 0.8 mₜ₋₁ + 0.2 lₜ`, divided by `1 − 0.8ᵗ`."""
    suggestion: float | None
    """The middle of the descent; None where the loss did not clearly fall."""

    def to_data(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        return asdict(self)

    def __str__(self) -> str:
        if self.suggestion is not None:
            return f"suggested learning rate: {self.suggestion:.2g}"
        return (
            f"the loss did not clearly fall at any rate from {self.rates[0]:.2g} to {self.rates[-1]:.2g}; take "
            "more steps or larger batches, or look for what keeps the network from learning"
        )


class Trainable(Protocol):
    """A model, as far as the search needs it."""

    @property
    def engine(self) -> Engine: ...


def lr_find(model: Trainable, x: Any, y: Any, *, batch_size: int = 32, steps: int = 100) -> LRFinding:
    """Train for some steps at rates that grow from 1e-7 to 10, and suggest one; the model is then as it was.

    The rate grows by the same factor at each step. The search ends early where the smoothed loss is above four
    times the lowest one, or is no number. The suggestion is the middle of the descent on a logarithmic scale,
    `√(a b)`: at rate b the smoothed loss is lowest, and from a to b it is lower by more than a standard deviation
    than the losses at the lowest rates. (Others take the steepest place, which is often too high.)

    Args:
        model: compiled.
        x: images, as for `fit`.
        y: labels, as for `fit`.
        batch_size: images in a step.
        steps: how many rates to try.

    Raises:
        DataError: images or labels are not what the network takes.
        DeepenError: there is nothing to learn.
        NonFiniteError: the loss is no number at the very first step.
        UsageError: there are fewer than 20 steps.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.
    """
    if not isinstance(steps, int) or steps < 4 * STILL:
        raise UsageError(f"steps must be a whole number, {4 * STILL} or more, got {steps!r}")
    engine = model.engine
    engine.setup.check_learns()
    images, labels = as_pair((x, y), engine.setup.input_shape, engine.setup.classes)
    engine.bind(np.ascontiguousarray(images), labels)
    rates = np.geomspace(LOWEST, HIGHEST, steps).tolist()
    before = engine.state()
    try:
        losses, smoothed = _search(engine, len(images), batch_size, rates)
    finally:
        engine.load_state(before)
    rates = rates[: len(losses)]
    return LRFinding(
        tuple(rates), tuple(losses), tuple(smoothed), _suggestion(rates, losses, smoothed, steps // STILL)
    )


def _search(
    engine: Engine, images: int, batch_size: int, rates: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the losses at rising rates, and their exponential means, up to where the training diverges."""
    losses, smoothed, mean = list[float](), list[float](), 0.0
    epochs = (steps_of(engine.setup.seed, epoch, images, batch_size) for epoch in count())
    for (moment, indices), rate in zip(chain.from_iterable(epochs), rates, strict=False):
        try:
            loss, _ = engine.step(indices, moment, rate).read()
        except NonFiniteError:
            if not losses:  # it was no rate that broke this
                raise
            break
        losses.append(loss)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING ** len(losses)))
        if smoothed[-1] > DIVERGED * min(smoothed):
            break
    return losses, smoothed


def _suggestion(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], still: int
) -> float | None:
    """Return the middle of the descent, if there is a clear one; the first `still` losses lie before it."""
    if len(losses) <= still:
        return None
    level = float(np.mean(losses[:still]))
    deviation = max(float(np.std(losses[:still])), LEAST_VARIATION * abs(level))
    lowest = int(np.argmin(smoothed))
    if not level - smoothed[lowest] > CLEAR * deviation:
        return None
    outside = [smoothed[i] < level - deviation for i in range(lowest + 1)]
    begin = max((i + 1 for i, left in enumerate(outside) if not left), default=0)
    return sqrt(rates[begin] * rates[lowest])
