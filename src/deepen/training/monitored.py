"""The figure that decides which epoch is the best: losses are to fall, all else is to rise."""

from __future__ import annotations

import math
from collections.abc import Iterable

from deepen.errors import UsageError
from deepen.training.history import History


def check(owner: str, monitor: object) -> None:
    """Make sure that what is to be monitored is a name.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(monitor, str):
        raise UsageError(f"{owner}: monitor must be the name of a figure, such as 'val_loss', got {monitor!r:.80}")


def monitored(history: History, name: str) -> list[float]:
    """Return a figure of each epoch, turned so that less is better.

    Raises:
        UsageError: no such figure was recorded.
    """
    if name not in history.history:
        cure = "; figures of the validation need validation images" if name.startswith("val_") else ""
        raise UsageError(f"there is no figure {name!r} to monitor, only {', '.join(history.history)}{cure}")
    sign = 1 if name.endswith("loss") else -1
    return [sign * value for value in history.history[name]]


def best_epoch(values: Iterable[float], min_delta: float = 0.0) -> int:
    """Return the place of the last value that was less than the best before it by more than `min_delta`, or -1.

    NaN is never the best; of equal values the first is.
    """
    best, place = math.inf, -1
    for i, value in enumerate(values):
        if value < best - min_delta:
            best, place = value, i
    return place
