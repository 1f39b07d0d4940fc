"""The figures of each epoch as a table that spreadsheets read."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from deepen.files import write_atomically
from deepen.training.callbacks import Callback, View
from deepen.training.history import History
from deepen.training.writing import going_on


@dataclass(frozen=True)
class CSVLog(Callback):
    """Write a line for each epoch, counted from 1, under a line of names.

    The file is made anew from the history each time: a run that goes on after an interruption ends with the lines
    of one that was never interrupted, and a line that a full disk has cost is there again when it has room.

    Args:
        path: the file, `*.csv`; what was in it before is replaced.
    """

    path: str | os.PathLike[str]

    def on_train_begin(self, view: View) -> None:
        """Take back the lines of epochs that will be made again."""
        if view.history.epoch:
            self._write(view.history)

    def on_epoch_end(self, view: View) -> None:
        """Write the epochs that are over."""
        self._write(view.history)

    def _write(self, history: History) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["epoch", *history.history])
        for epoch, *figures in zip(history.epoch, *history.history.values(), strict=True):
            writer.writerow([epoch + 1, *figures])
        with going_on(self.path):
            write_atomically(Path(self.path), text.getvalue().encode())
