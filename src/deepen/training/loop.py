"""The training loop: read from top to bottom, it is the story of a run."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from deepen.arrays import Array
from deepen.engines.base import Batch, Engine, StepResult
from deepen.errors import DataError, UsageError
from deepen.fields import is_whole
from deepen.randomness import Moment
from deepen.schedules import Constant, Schedule
from deepen.training import interrupts
from deepen.training.ahead import ahead
from deepen.training.callbacks import Callback, View
from deepen.training.checkpoint import Position
from deepen.training.history import History
from deepen.training.keeper import Keeper
from deepen.training.order import steps_of

UNREAD = 32
"""So many steps may be under way on a GPU before the first is asked whether it was sound."""


@dataclass(frozen=True)
class Plan:
    """How long and in what portions to train."""

    epochs: int
    batch_size: int
    schedule: Schedule = field(default_factory=Constant)
    first_epoch: int = 0
    """The number of epochs that this model has been trained for before."""
    workers: int = 0
    """Threads that make batches ahead of their steps; with none a batch is made when it is needed."""

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("workers", 0)):
            value = getattr(self, name)
            if not is_whole(value) or value < least:
                raise UsageError(f"{name} must be a whole number, {least} or more, got {value!r}")
            object.__setattr__(self, name, int(value))

    @property
    def last_epoch(self) -> int:
        """The number of epochs that the model will have been trained for."""
        return self.first_epoch + self.epochs

    def done(self, epoch: int, step: int, steps: int) -> int:
        """Return how many steps this training has made after `step` of an epoch that has `steps` of them."""
        return (epoch - self.first_epoch) * steps + step

    def factor(self, done: int, steps: int) -> float:
        """Return the schedule's factor for the step after so many, of epochs that have `steps` of them."""
        return self.schedule.factor(done, self.epochs * steps, steps)


class Tally:
    """Sums of loss and hits over an epoch; results of steps are read late, so that no step waits for them."""

    def __init__(self, position: Position) -> None:
        self._unread: deque[tuple[StepResult, int]] = deque()
        self.loss, self.hits, self.images = position.loss, position.hits, position.images

    def add(self, result: StepResult, images: int) -> None:
        """Take the result of a step on so many images."""
        self._unread.append((result, images))
        if len(self._unread) > UNREAD:
            self._read_one()

    def read(self) -> tuple[float, float]:
        """Return mean loss and accuracy so far, NaN before the first step."""
        while self._unread:
            self._read_one()
        if self.images == 0:
            return math.nan, math.nan
        return self.loss / self.images, self.hits / self.images

    def _read_one(self) -> None:
        result, images = self._unread.popleft()
        loss, hits = result.read()
        self.loss += loss * images
        self.hits += hits
        self.images += images


def train(
    engine: Engine,
    indices: Array,
    plan: Plan,
    validate: Callable[[], Mapping[str, float]] = dict,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
    keeper: Keeper | None = None,
    save: Callable[[str | os.PathLike[str]], object] = lambda path: None,
) -> History:
    """Train on the bound images at `indices` and return the figures of each epoch.

    Args:
        engine: with its training data bound.
        indices: the images to train on, `(N,)`.
        plan: epochs, batch size, schedule.
        validate: returns the validation's figures with the weights as they are; none where there is none.
        callbacks: watch, and may stop after an epoch.
        history: where to write down the epochs, for a caller who wants them also when training breaks off.
        keeper: makes checkpoints; if it has some, training goes on from the newest.
        save: writes the model as it is to a file, for callbacks.

    Raises:
        DataError: there is nothing to train on.
        DeepenError: there is nothing to learn.
        NonFiniteError: a loss or a gradient was NaN or infinite.
        KeyboardInterrupt: Ctrl-C was pressed; the step under way was finished and a checkpoint made.
    """
    if len(indices) == 0:
        raise DataError("there is no image to train on")
    engine.setup.check_learns()
    history = History() if history is None else history
    with interrupts.deferred() as interrupted:
        return _Training(engine, indices, plan, validate, callbacks, history, keeper, save, interrupted).run()


@dataclass
class _Training:
    """What the parts of the loop share."""

    engine: Engine
    indices: Array
    plan: Plan
    validate: Callable[[], Mapping[str, float]]
    callbacks: Sequence[Callback]
    history: History
    keeper: Keeper | None
    save: Callable[[str | os.PathLike[str]], object]
    interrupted: Callable[[], bool]

    def run(self) -> History:
        """Train from the beginning, or from where the last checkpoint was made."""
        position = self._resume()
        try:
            view = self._view(position, Tally(position))
            for callback in self.callbacks:
                callback.on_train_begin(view)
            while not position.over:
                view = self._epoch(position)
                loss, accuracy = view.read()
                figures = {"loss": loss, "accuracy": accuracy, "learning_rate": view.learning_rate}
                figures |= self.validate()
                figures |= {"seconds": view.seconds, "images_per_second": view.images / view.seconds}
                position = self._close(replace(view, figures=MappingProxyType(figures)))
        finally:
            for callback in self.callbacks:
                callback.on_train_end(self.history)
        return self.history

    def _resume(self) -> Position:
        """Return where to begin, with the engine and the history as they were there."""
        first = Position(self.plan.first_epoch)
        if self.keeper is None:
            return first
        found = self.keeper.newest(self.engine.setup)
        if found is None:
            self.keeper.save(self.engine.state(), first, self.history)
            return first
        self.engine.load_state(found.state)
        for epoch, figures in found.history.rows():
            self.history.add(epoch, figures)
        return found.position

    def _epoch(self, position: Position) -> View:
        """Train on all images once, or on those that are left of this epoch, and return the view at the end."""
        engine, epoch, tally = self.engine, position.epoch, Tally(position)
        view = self._view(position, tally)

        def make(step: tuple[Moment, Array]) -> Batch:
            moment, places = step
            return engine.batch(self.indices[places], moment)

        steps = steps_of(engine.setup.seed, epoch, len(self.indices), self.plan.batch_size)
        started = time.perf_counter() - position.seconds
        with closing(ahead(make, steps[position.step :], self.plan.workers)) as made:
            for batch in made:
                rate = self._rate(self.plan.done(epoch, view.step, view.steps))
                tally.add(engine.train_on(batch, rate), len(batch))
                view = replace(
                    view,
                    step=view.step + 1,
                    images=view.images + len(batch),
                    seconds=time.perf_counter() - started,
                    learning_rate=rate,
                )
                for callback in self.callbacks:
                    callback.on_step_end(view)
                paused = time.perf_counter()
                # The last step is closed with its epoch, so that nobody closes one of which they saw no step.
                if view.step < view.steps:
                    self._keep(view, Position(epoch, view.step), tally)
                started += time.perf_counter() - paused
        tally.read()  # a GPU may still be computing: the epoch is over when its last step is
        return replace(view, seconds=time.perf_counter() - started)

    def _close(self, view: View) -> Position:
        """Write an epoch down, ask the callbacks, and return where the next one begins."""
        self.history.add(view.epoch, view.figures)
        # All are told before any is heard: every callback sees every epoch.
        answers = [callback.on_epoch_end(view) for callback in self.callbacks]
        position = Position(view.epoch + 1, over=any(answers) or view.epoch + 1 == self.plan.last_epoch)
        self._keep(view, position, Tally(position))
        return position

    def _keep(self, view: View, position: Position, tally: Tally) -> None:
        """Make a checkpoint if it is time; stop here if somebody wants that."""
        stop, done = self.interrupted(), self.plan.done(view.epoch, view.step, view.steps)
        if self.keeper is not None and (stop or position.over or self.keeper.due(position, done)):
            tally.read()
            seconds = view.seconds if position.step else 0.0
            sums = replace(position, loss=tally.loss, hits=tally.hits, images=tally.images, seconds=seconds)
            self.keeper.save(self.engine.state(), sums, self.history)
        if stop:
            raise KeyboardInterrupt

    def _rate(self, done: int) -> float:
        """Return the learning rate of the step after so many."""
        return self.engine.setup.optimizer.learning_rate * self.plan.factor(done, self._steps)

    @property
    def _steps(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self.indices) // self.plan.batch_size)

    def _view(self, position: Position, tally: Tally) -> View:
        """Return the view at a position."""
        # The rate of the last step; before the first one of an epoch that of the step to come, if there is one.
        done = self.plan.done(position.epoch, position.step, self._steps)
        shown = min(done, self.plan.epochs * self._steps - 1) if position.step == 0 else done - 1
        return View(
            epoch=position.epoch,
            epochs=self.plan.last_epoch,
            step=position.step,
            steps=self._steps,
            images=position.images,
            seconds=position.seconds,
            learning_rate=self._rate(shown),
            read=tally.read,
            weights=lambda: self.engine.state().evaluated[0],
            save=self.save,
            over=position.over,
            engine=self.engine,
            indices=self.indices,
            history=self.history,
        )
