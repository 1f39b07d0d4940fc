"""Trains a small network that has all that a checkpoint must hold; run by test_kill.py, which kills it.

Arguments: engine, workers, folder, and the number of the call within the checkpoints' folder at which to die by
SIGKILL, or -1. At the end it prints a digest of all that the training has made.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from deepen import data
from deepen.arrays import Array
from deepen.data.augment import augmentation
from deepen.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten
from deepen.model import Model
from deepen.training.callbacks import Callback, View
from deepen.training.keeper import Checkpoints, Keeper
from faults import faults

IMAGES, BATCH, EPOCHS = 300, 20, 4
STEPS = 12
"""An epoch's steps on what the validation leaves."""
EVERY = 5
SAVING = "saving"
"""The last line of a life that ended inside a save."""


class Lines:
    """Appends lines to a file, past any buffer that a kill would empty."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, line: object) -> None:
        os.write(self._handle, f"{line}\n".encode())


class Steps(Callback):
    """Writes down the number of each step of the whole training."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def on_step_end(self, view: View) -> None:
        assert view.steps == STEPS
        self._lines.write(view.epoch * STEPS + view.step)


def note_saves(lines: Lines) -> None:
    """Write down the beginning and the end of each save."""
    plain = Keeper.save

    def save(self: Keeper, *what: Any) -> None:
        lines.write(SAVING)
        plain(self, *what)
        lines.write("saved")

    Keeper.save = save  # type: ignore[method-assign]


def digest(model: Model, figures: dict[str, list[float]]) -> str:
    """Return a checksum of weights, statistics, averages, what the optimizer keeps, and figures but times."""
    state = model.engine.state()
    found = hashlib.sha256(repr(state.steps).encode())
    parts: dict[str, dict[str, Array]] = {
        "parameters": state.parameters,
        "statistics": state.statistics,
        "average": state.average,
        **state.slots,
    }
    assert all(parts.values()), "the training is to make use of everything"
    for part in sorted(parts):
        for path in sorted(parts[part]):
            found.update(f"{part} {path}".encode() + parts[part][path].tobytes())
    lasting = {name: values for name, values in figures.items() if name not in ("seconds", "images_per_second")}
    found.update(json.dumps(lasting).encode())
    return found.hexdigest()


def main(engine: str, workers: str, folder: Path, die_at: int) -> None:
    """Train, from the newest checkpoint on if there is one."""
    saves = Lines(folder / "saves")
    saves.write("begun")
    note_saves(saves)
    digits = data.load("digits")
    network = [
        Conv2D(4, 3, activation="relu"),
        BatchNormalization(),
        Flatten(),
        Dropout(0.3),
        Dense(10),
    ]
    model = Model(network, (1, 8, 8), seed=3)
    model.compile("adam average=0.9", augmentations=[augmentation("shift=1")], engine=engine, device="cpu")
    with faults(folder / "checkpoints", die_at, lambda: os.kill(os.getpid(), signal.SIGKILL)) as calls:
        _ = model.engine  # PyTorch takes longer to load than the training takes
        print("training", flush=True)
        history = model.fit(
            digits.train_images[:IMAGES],
            digits.train_labels[:IMAGES],
            batch_size=BATCH,
            epochs=EPOCHS,
            validation_split=0.2,
            schedule="one_cycle",
            callbacks=[Steps(Lines(folder / "steps"))],
            checkpoints=Checkpoints(folder / "checkpoints", f"{EVERY} steps"),
            workers=int(workers),
            verbose=0,
        )
    print(len(calls.names), flush=True)
    print(digest(model, history.history), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
