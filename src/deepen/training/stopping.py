"""Early stopping: a training that has ceased to improve is over."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from deepen.errors import UsageError
from deepen.fields import is_number, is_whole
from deepen.training.callbacks import Callback, View
from deepen.training.history import History
from deepen.training.monitored import best_epoch, check, monitored


@dataclass(frozen=True)
class EarlyStopping(Callback):
    """Stop when a figure has not improved for `patience` epochs; the weights stay those of the last epoch.

    Args:
        monitor: a figure of the history. One whose name ends in `loss` is to fall, any other to rise.
        patience: how many epochs in a row may bring nothing better.
        min_delta: what is better by no more than this does not count.

    Raises:
        UsageError: a setting is out of range; after the first epoch, if there is no such figure.

    Source: Prechelt, "Early stopping – but when?", 1998, section 2.1, the criteria UP.
    """

    monitor: str = "val_loss"
    patience: int = 5
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check("EarlyStopping", self.monitor)
        if not is_whole(self.patience) or self.patience < 1:
            raise UsageError(f"EarlyStopping: patience must be a whole number, 1 or more, got {self.patience!r}")
        if not is_number(self.min_delta) or self.min_delta < 0:
            raise UsageError(f"EarlyStopping: min_delta must be a number, 0 or more, got {self.min_delta!r}")

    def reason(self, history: History) -> str | None:
        """Return why training is over after these epochs, or None where it is to go on."""
        values = monitored(history, self.monitor)
        best = best_epoch(values, self.min_delta)
        if len(values) - 1 - best < self.patience:
            return None
        if best < 0:
            return f"{self.monitor} was no number for {self.patience} epochs"
        figure = history.history[self.monitor][best]
        return f"{self.monitor} has not improved since epoch {history.epoch[best] + 1} ({figure:.4g})"

    def on_epoch_end(self, view: View) -> bool:
        """Stop where there is a reason, and say it."""
        reason = self.reason(view.history)
        if reason is not None:
            print(f"stopped early: {reason}", file=sys.stderr, flush=True)
        return reason is not None
