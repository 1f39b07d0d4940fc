"""A training of a moment that makes use of all that a checkpoint must hold."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepen.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, ReLU
from deepen.model import Model
from deepen.training.callbacks import Callback, View
from deepen.training.csv_log import CSVLog
from deepen.training.history import History
from deepen.training.keeper import Checkpoints
from deepen.training.stopping import EarlyStopping

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 1, 6, 6), np.uint8)
LABELS = np.arange(11) % 3
HELD_OUT = np.random.default_rng(1).integers(0, 256, (4, 1, 6, 6), np.uint8), np.arange(4) % 3
BATCH, STEPS = 3, 4
"""The last batch of an epoch has two images."""
PLANNED, EPOCHS = 5, 3
"""Epochs that are asked for, and after which nothing is found to have become better."""
TIMES = {"seconds", "images_per_second"}


class BrokenOffError(Exception):
    """What a training is broken off with."""


class Watch(Callback):
    """Writes down every call with the rate and the epochs it was shown, and breaks off in the one of a number."""

    def __init__(self, break_at: int | None = None) -> None:
        self.calls: list[tuple[str, int, int, float, list[int]]] = []
        self.begun: View | None = None
        self._break_at = break_at

    def on_train_begin(self, view: View) -> None:
        # Once the loop goes on, its history does.
        self.begun = replace(view, history=History(list(view.history.epoch)))

    def on_step_end(self, view: View) -> None:
        self._note("step", view)

    def on_epoch_end(self, view: View) -> None:
        self._note("epoch", view)

    def _note(self, call: str, view: View) -> None:
        self.calls.append((call, view.epoch, view.step, view.learning_rate, list(view.history.epoch)))
        if len(self.calls) - 1 == self._break_at:
            raise BrokenOffError


def new_model(engine: str, seed: int = 0) -> Model:
    layers = [Conv2D(2, 3), BatchNormalization(), ReLU(), Flatten(), Dropout(0.3), Dense(3)]
    model = Model(layers, (1, 6, 6), seed=seed)
    model.compile("adam average=0.9", augmentations=["shift=1", "mixup"], engine=engine, device="cpu")
    return model


def train(model: Model, callbacks: Sequence[Callback] = (), **options: Any) -> History:
    settings = {"epochs": PLANNED, "schedule": "one_cycle", "validation_data": HELD_OUT, **options}
    stop = EarlyStopping(patience=EPOCHS - 1, min_delta=100)
    return model.fit(IMAGES, LABELS, batch_size=BATCH, callbacks=[stop, *callbacks], verbose=0, **settings)


def live(
    engine: str, folder: Path, *, every: str = "1 epoch", workers: int = 0, callbacks: Sequence[Callback] = ()
) -> dict[str, object]:
    """Train with a new model and checkpoints, and return all that it made, as `made` does."""
    model = new_model(engine)
    log = CSVLog(folder / "log.csv")
    checkpoints = Checkpoints(folder / "checkpoints", every)
    history = train(model, [log, *callbacks], checkpoints=checkpoints, workers=workers)
    return made(model, history, folder / "log.csv")


def made(model: Model, history: History, log: Path | None = None) -> dict[str, object]:
    """Return weights, statistics, average, what the optimizer keeps, figures and the log's lines, bit for bit."""
    state = model.engine.state()
    parts = {"parameters": state.parameters, "statistics": state.statistics, "average": state.average}
    found: dict[str, object] = {
        f"{part} {path}": array.tobytes()
        for part, arrays in (*parts.items(), *state.slots.items())
        for path, array in arrays.items()
    }
    found["updates"] = state.steps
    found |= {name: [v.hex() for v in values] for name, values in history.history.items() if name not in TIMES}
    found["epochs"] = history.epoch
    if log is not None:
        with log.open(newline="", encoding="utf-8") as file:
            found["log"] = [
                {name: text for name, text in row.items() if name not in TIMES} for row in csv.DictReader(file)
            ]
    return found
