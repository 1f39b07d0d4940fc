"""Recording the health of a network while it is trained."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from deepen import files, randomness
from deepen.arrays import Array
from deepen.engines.base import Engine
from deepen.errors import FileFormatError
from deepen.inspect.health import Record, from_csv, measure, to_csv
from deepen.inspect.symptoms import Background, Symptom, plain_depth, symptoms
from deepen.training.callbacks import Callback, View
from deepen.training.history import History

SAMPLE = 256
"""So many training images are looked at after each epoch."""


class Health(Callback):
    """Records the health of every layer after each epoch in a CSV file, and warns of each symptom once.

    What ails single layers is said when it is first seen. Curves are judged when training is over, because many
    trainings stand still for some epochs before they learn. Where an interrupted run goes on, the file gives back
    the epochs that were over.

    Args:
        engine: that is trained.
        images: `(N, C, H, W)`.
        labels: `(N,)` or `(N, K)`.
        indices: which of the images are trained on; a fixed sample of them is drawn.
        path: the file to write.
    """

    def __init__(self, engine: Engine, images: Array, labels: Array, indices: Array, path: Path) -> None:
        drawn = randomness.permutation(engine.setup.seed, "health", len(indices))[:SAMPLE]
        chosen = np.sort(indices[drawn])
        self._engine, self._images, self._labels, self._path = engine, images[chosen], labels[chosen], path
        self._background = Background(_most_frequent(labels[indices]), plain_depth(engine.setup))
        self._before: dict[str, Array] | None = None
        self._said: set[str] = set()
        self.records: list[Record] = []

    def symptoms(self, history: History) -> list[Symptom]:
        """Return what is seen after the last epoch."""
        return symptoms(self.records, history.history, self._background)

    def on_train_begin(self, view: View) -> None:
        """Take up the epochs that are over, if there are any."""
        self.records = self._earlier(view.history.epoch)
        self._keep_weights(view)

    def on_step_end(self, view: View) -> None:
        """Keep the weights before the last step of the epoch."""
        self._keep_weights(view)

    def on_epoch_end(self, view: View) -> None:
        """Measure, write the file anew, and say what is seen for the first time."""
        self.records += measure(self._engine, self._images, self._labels, view.epoch, self._before)
        try:
            files.write_atomically(self._path, to_csv(self.records).encode())
        except OSError as error:
            _say(f"cannot write {self._path}: {error.strerror}; training goes on")
        self._warn([symptom for symptom in self.symptoms(view.history) if symptom.layer])
        # The only step of an epoch is its last, too: what is before it is what was after the last one.
        self._before = self._engine.state().parameters if view.steps == 1 else None

    def on_train_end(self, history: History) -> None:
        """Say what the curves show."""
        self._warn(self.symptoms(history))

    def _warn(self, found: list[Symptom]) -> None:
        for symptom in found:
            if symptom.name not in self._said:
                _say(f"warning: {symptom.text}")
                self._said.add(symptom.name)

    def _keep_weights(self, view: View) -> None:
        if view.step == view.steps - 1:
            self._before = self._engine.state().parameters

    def _earlier(self, epochs: list[int]) -> list[Record]:
        """Return the records of these epochs, as far as the file has them."""
        if not epochs:
            return []
        try:
            found = from_csv(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, FileFormatError) as error:
            _say(f"cannot read {self._path}: {error}; the record of health begins anew")
            return []
        return [record for record in found if record.epoch in epochs]


def _most_frequent(labels: Array) -> float:
    """Return the share of the most frequent class."""
    classes = labels if labels.ndim == 1 else labels.argmax(axis=1)
    return float(np.unique(classes, return_counts=True)[1].max() / len(labels))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
