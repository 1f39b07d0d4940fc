"""The model's file, kept up to date while it is trained: the best epoch's weights, or the last one's."""

from __future__ import annotations

import os
from dataclasses import dataclass

from deepen.training.callbacks import Callback, View
from deepen.training.monitored import best_epoch, check, monitored
from deepen.training.writing import going_on


@dataclass(frozen=True)
class BestWeights(Callback):
    """Write the model after each epoch that is better than all before it; of equal epochs the first is kept.

    Args:
        path: the model's file, `*.safetensors`.
        monitor: a figure of the history. One whose name ends in `loss` is to fall, any other to rise.

    Raises:
        UsageError: `monitor` is no name; after the first epoch, if there is no such figure.
    """

    path: str | os.PathLike[str]
    monitor: str = "val_loss"

    def __post_init__(self) -> None:
        check("BestWeights", self.monitor)

    def on_epoch_end(self, view: View) -> None:
        """Write the model if the epoch just over is the best."""
        values = monitored(view.history, self.monitor)
        if best_epoch(values) == len(values) - 1:
            with going_on(self.path):
                view.save(self.path)


@dataclass(frozen=True)
class LastWeights(Callback):
    """Write the model after each epoch.

    Args:
        path: the model's file, `*.safetensors`.
    """

    path: str | os.PathLike[str]

    def on_epoch_end(self, view: View) -> None:
        """Write the model over that of the epoch before."""
        with going_on(self.path):
            view.save(self.path)
