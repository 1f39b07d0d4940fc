"""deepen itself: training inside of `fit`, inference by `predict`, with the engine that the options name."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import prod

from common.task import RATE, Array, Runner, Task
from deepen import Callback, Model, models
from deepen.config import RunConfig
from deepen.preparation import prepare
from deepen.training import recipes
from deepen.training.callbacks import View


def model_of(task: Task, images: Array) -> Model:
    """Make the network for such images, with its engine."""
    model = Model(models.build(task.network), images.shape[1:], seed=task.seed)
    augmentations = task.options.get("augment", ())
    model.compile(f"adam={RATE}", augmentations=augmentations, engine=task.options["engine"], device="cpu")
    return model


def train(task: Task) -> Runner:
    """Train in `fit`; its epochs say how long their steps took."""
    images, labels = task.images(), task.labels()
    model = model_of(task, images)

    def rate(steps: int) -> float:
        count = min(steps, len(images) // task.batch) * task.batch
        epochs = round(steps * task.batch / count)
        history = model.fit(images[:count], labels[:count], batch_size=task.batch, epochs=epochs, verbose=0)
        return epochs * count / sum(history.history["seconds"])

    setup = model.engine.setup
    return Runner(rate, task.batch, sum(prod(setup.parameters[path].shape) for path in setup.trainable))


def predict(task: Task) -> Runner:
    """Compute the probabilities of images as they are, uint8."""
    images = task.images()
    model = model_of(task, images)

    def rate(steps: int) -> float:
        count = min(steps, len(images) // task.batch) * task.batch
        calls = round(steps * task.batch / count)
        start = time.perf_counter()
        for _ in range(calls):
            model.predict(images[:count], batch_size=task.batch)
        return calls * count / (time.perf_counter() - start)

    return Runner(rate, task.batch)


def learn(task: Task, ready: Callable[[], None], reached: Callable[[float, float], None]) -> None:
    """Train as the settings say: those in the option `settings`, or else those of the option `recipe`."""
    settings = task.options.get("settings") or recipes.load(task.options["recipe"]).settings
    config = RunConfig(
        **{**settings, "augment": tuple(settings["augment"])},
        model=task.network,
        data="mnist",
        seed=task.seed,
        engine=task.options["engine"],
        device="cpu",
    )

    class Clock(Callback):
        def on_train_begin(self, view: View) -> None:
            ready()

        def on_epoch_end(self, view: View) -> None:
            reached(view.figures["seconds"], view.figures["val_accuracy"])

    prepared = prepare(config)
    # The last images are those that Keras' validation_split would leave out.
    images, labels = task.images(), task.labels()
    count = len(images) - int(task.options.get("left_out", 0) * len(images))
    prepared.model.fit(
        images[:count],
        labels[:count],
        batch_size=config.batch_size,
        epochs=config.epochs,
        schedule=prepared.schedule,
        validation_data=(task.images("test"), task.labels("test")),
        callbacks=[Clock()],
        verbose=0,
    )
