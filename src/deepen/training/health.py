"""Recording the health of a network while it is trained."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from deepen import files, randomness
from deepen.arrays import Array
from deepen.errors import FileFormatError
from deepen.inspect.health import Record, from_csv, measure, to_csv
from deepen.inspect.symptoms import Background, Symptom, plain_depth, symptoms
from deepen.metrics import classes_of
from deepen.training.callbacks import Callback, View
from deepen.training.history import History
from deepen.training.writing import going_on
from deepen.wording import say

SAMPLE = 256
"""So many training images are looked at after each epoch."""


class Health(Callback):
    """Record the health of every layer after each epoch in a CSV file, and warn of each symptom once.

    What ails single layers is said when it is first seen. Curves are judged when training is over, because many
    trainings stand still for some epochs before they learn. Where an interrupted run goes on, the file gives back
    the epochs that were over.

    Args:
        path: the file, `*.csv`; what was in it before is replaced.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._background: Background | None = None
        self.records: list[Record] = []

    def symptoms(self, history: History) -> list[Symptom]:
        """Return what is seen after the last epoch; nothing before a training has begun."""
        return [] if self._background is None else symptoms(self.records, history.history, self._background)

    def on_train_begin(self, view: View) -> None:
        """Draw a sample of the training images, and take up the epochs that are over, if there are any."""
        assert view.engine is not None, "nothing is trained"
        assert view.indices is not None, "nothing is trained on"
        self._engine, setup = view.engine, view.engine.setup
        drawn = randomness.permutation(setup.seed, "health", len(view.indices))[:SAMPLE]
        sample = np.sort(view.indices[drawn])
        self._images, self._labels = self._engine.bound_images(sample), self._engine.bound_labels(sample)
        self._background = Background(_most_frequent(self._engine.bound_labels(view.indices)), plain_depth(setup))
        self._around = sys.exception()
        self._before: dict[str, Array] | None = None
        self.records = self._earlier(view.history.epoch)
        self._said = self._said_earlier(self._background)
        self._keep_weights(view)

    def on_step_end(self, view: View) -> None:
        """Keep the weights before the last step of the epoch."""
        self._keep_weights(view)

    def on_epoch_end(self, view: View) -> None:
        """Measure, write the file anew, and say what is seen for the first time."""
        self.records += measure(self._engine, self._images, self._labels, view.epoch, self._before)
        with going_on(self._path):
            files.write_atomically(self._path, to_csv(self.records).encode())
        self._warn([symptom for symptom in self.symptoms(view.history) if symptom.layer])
        # The only step of an epoch is its last, too: what is before it is what was after the last one.
        self._before = self._engine.state().parameters if view.steps == 1 else None

    def on_train_end(self, history: History) -> None:
        """Say what the curves show, unless training was broken off."""
        # Whatever breaks it off is under way now, and was not when training began.
        if self._background is not None and sys.exception() is self._around:
            self._warn(self.symptoms(history))

    def _warn(self, found: list[Symptom]) -> None:
        for symptom in found:
            if symptom.name not in self._said:
                say(f"warning: {symptom.text}")
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
            say(f"cannot read {self._path}: {error}; the record of health begins anew")
            return []
        return [record for record in found if record.epoch in epochs]

    def _said_earlier(self, background: Background) -> set[str]:
        """Return which symptoms of layers were seen in the epochs that are over: they have been said."""
        epochs = {record.epoch for record in self.records}
        found = (symptoms([r for r in self.records if r.epoch == epoch], {}, background) for epoch in epochs)
        return {symptom.name for each in found for symptom in each if symptom.layer}


def _most_frequent(labels: Array) -> float:
    """Return the share of the most frequent class."""
    return float(np.bincount(classes_of(labels)).max() / len(labels))
