"""Keras, trained by `fit`; `$KERAS_BACKEND` says on which library.

What `fit` does before an epoch's first step and behind its last one is not counted. Tuned means that a call of the
compiled function runs several steps, as the option `steps_per_execution` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np

from common.task import RATE, Array, Runner, Task
from contenders.keras_networks import NETWORKS


class Clock(keras.callbacks.Callback):
    """Takes the time from an epoch's beginning to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds = time.perf_counter() - self.began


def images_of(task: Task, part: str = "train") -> Array:
    """Return the images `(N, H, W, C)`, float32."""
    return np.ascontiguousarray(task.scaled(part).transpose(0, 2, 3, 1))


def train(task: Task) -> Runner:
    """Train as Keras' examples do."""
    keras.utils.set_random_seed(task.seed)
    model, x, y = NETWORKS[task.network](), images_of(task), task.labels()
    multiple = task.options.get("steps_per_execution", 1)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(RATE),
        metrics=["accuracy"],
        steps_per_execution=multiple,
    )
    clock = Clock()

    def rate(steps: int) -> float:
        most = len(x) // task.batch // multiple * multiple
        steps = min(-(-steps // multiple) * multiple, most)
        count = steps * task.batch
        model.fit(x[:count], y[:count], batch_size=task.batch, verbose=0, callbacks=[clock])
        return count / clock.seconds

    return Runner(rate, task.batch, sum(int(np.prod(weight.shape)) for weight in model.trainable_variables))


def traced(model: keras.Model, x: Array, y: Array, test: Array) -> None:
    """Let a model build its functions for training and prediction, and leave it as it was."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(variable) for variable in variables]
    model.fit(x[:256], y[:256], batch_size=128, verbose=0)
    model.predict(test[:256], batch_size=256, verbose=0)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)


def learn(task: Task, ready: Callable[[], None], reached: Callable[[float, float], None]) -> None:
    """Train Keras' introductory example as its page does: batches of 128, 15 epochs, a tenth held out."""
    keras.utils.set_random_seed(task.seed)
    model, x, y = NETWORKS["keras_mnist"](), images_of(task), task.labels()
    test, labels = images_of(task, "test"), task.labels("test")
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="adam", metrics=["accuracy"]
    )

    class Reports(Clock):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            super().on_epoch_end(epoch, logs)
            hits = (model.predict(test, batch_size=256, verbose=0).argmax(axis=1) == labels).sum()
            reached(self.seconds, float(hits) / len(test))

    count = len(x) - int(0.1 * len(x))
    traced(model, x, y, test)
    ready()
    model.fit(x[:count], y[:count], batch_size=128, epochs=15, verbose=0, callbacks=[Reports()])
