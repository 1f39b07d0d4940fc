"""The training loop: read from top to bottom, it is the story of a run."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from deepen import randomness
from deepen.arrays import Array
from deepen.engines.base import Engine, StepResult, batches
from deepen.errors import DataError, DeepenError, UsageError
from deepen.randomness import Moment
from deepen.schedules import Constant, Schedule
from deepen.training.callbacks import Callback, View
from deepen.training.history import History


@dataclass(frozen=True)
class Plan:
    """How long and in what portions to train."""

    epochs: int
    batch_size: int
    schedule: Schedule = field(default_factory=Constant)
    first_epoch: int = 0
    """The number of epochs that this model has been trained for before."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} must be a whole number, 1 or more, got {value!r}")

    @property
    def last_epoch(self) -> int:
        """The number of epochs that the model will have been trained for."""
        return self.first_epoch + self.epochs

    def factor(self, epoch: int, step: int, steps: int) -> float:
        """Return the schedule's factor at a step of an epoch that has `steps` of them."""
        return self.schedule.factor((epoch - self.first_epoch) * steps + step, self.epochs * steps)


class Tally:
    """Sums of loss and hits over an epoch; results of steps are read late, so that no step waits for them."""

    def __init__(self) -> None:
        self._unread: deque[tuple[StepResult, int]] = deque()
        self._loss, self._hits, self._images = 0.0, 0, 0

    def add(self, result: StepResult, images: int) -> None:
        """Take the result of a step on so many images."""
        self._unread.append((result, images))

    def read(self) -> tuple[float, float]:
        """Return mean loss and accuracy so far, NaN before the first step."""
        while self._unread:
            result, images = self._unread.popleft()
            loss, hits = result.read()
            self._loss += loss * images
            self._hits += hits
            self._images += images
        if self._images == 0:
            return math.nan, math.nan
        return self._loss / self._images, self._hits / self._images


def train(
    engine: Engine,
    indices: Array,
    plan: Plan,
    validate: Callable[[], Mapping[str, float]] | None = None,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
) -> History:
    """Train on the bound images at `indices` and return the figures of each epoch.

    Args:
        engine: with its training data bound.
        indices: the images to train on, `(N,)`.
        plan: epochs, batch size, schedule.
        validate: returns the validation's figures with the weights as they are.
        callbacks: watch, and may stop after an epoch.
        history: where to write down the epochs, for a caller who wants them also when training breaks off.

    Raises:
        DataError: there is nothing to train on.
        DeepenError: there is nothing to learn.
        NonFiniteError: a loss or a gradient was NaN or infinite.
    """
    if len(indices) == 0:
        raise DataError("there is no image to train on")
    if not engine.setup.trainable:
        raise DeepenError("the network has no parameter to learn; give it a layer such as Conv2D or Dense")
    history = History() if history is None else history
    view = _view(engine, plan, plan.first_epoch, len(indices), Tally())
    for callback in callbacks:
        callback.on_train_begin(view)
    try:
        for epoch in range(plan.first_epoch, plan.last_epoch):
            order = indices[randomness.permutation(engine.setup.seed, "shuffle", len(indices), epoch)]
            view = _epoch(engine, plan, epoch, order, callbacks)
            loss, accuracy = view.read()
            figures = {"loss": loss, "accuracy": accuracy, "learning_rate": view.learning_rate}
            if validate is not None:
                figures |= validate()
            figures |= {"seconds": view.seconds, "images_per_second": view.images / view.seconds}
            history.add(epoch, figures)
            view = replace(view, figures=MappingProxyType(figures))
            # All are told before any is heard: every callback sees every epoch.
            answers = [callback.on_epoch_end(view) for callback in callbacks]
            if any(answers):
                break
    finally:
        for callback in callbacks:
            callback.on_train_end(history)
    return history


def _epoch(engine: Engine, plan: Plan, epoch: int, order: Array, callbacks: Sequence[Callback]) -> View:
    """Train on all images once, in this order, and return the view at the end."""
    tally = Tally()
    view = _view(engine, plan, epoch, len(order), tally)
    started = time.perf_counter()
    for step, part in enumerate(batches(len(order), plan.batch_size)):
        rate = engine.setup.optimizer.learning_rate * plan.factor(epoch, step, view.steps)
        tally.add(engine.step(order[part], Moment(epoch, step), rate), part.stop - part.start)
        view = replace(
            view,
            step=step + 1,
            images=part.stop,
            seconds=time.perf_counter() - started,
            learning_rate=rate,
        )
        for callback in callbacks:
            callback.on_step_end(view)
    tally.read()  # a GPU may still be computing: the epoch is over when its last step is
    return replace(view, seconds=time.perf_counter() - started)


def _view(engine: Engine, plan: Plan, epoch: int, images: int, tally: Tally) -> View:
    """Return the view before the first step of an epoch."""
    steps = -(-images // plan.batch_size)
    return View(
        epoch=epoch,
        epochs=plan.last_epoch,
        step=0,
        steps=steps,
        images=0,
        seconds=0.0,
        learning_rate=engine.setup.optimizer.learning_rate * plan.factor(epoch, 0, steps),
        read=tally.read,
        weights=lambda: engine.state().parameters,
    )
