"""Callbacks: they see a read-only view of the training, and may say stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from deepen.arrays import Array
from deepen.errors import UsageError
from deepen.training.history import History


@dataclass(frozen=True)
class View:
    """Where the training stands."""

    epoch: int
    """From 0."""
    epochs: int
    """How many epochs there will have been at the end."""
    step: int
    """Steps done in this epoch."""
    steps: int
    """Steps that an epoch has."""
    images: int
    """Images seen in this epoch."""
    seconds: float
    """Time that this epoch's steps took so far."""
    learning_rate: float
    read: Callable[[], tuple[float, float]]
    """Return mean loss and accuracy of this epoch so far; on a GPU, asking waits for the device."""
    weights: Callable[[], dict[str, Array]]
    """Return a copy of the parameters by path."""
    figures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """The epoch's figures, once it is over."""


class Callback:
    """Base of the callbacks: override what is of interest."""

    def on_train_begin(self, view: View) -> None:
        """Run before the first step."""

    def on_step_end(self, view: View) -> None:
        """Run after each step; be quick."""

    def on_epoch_end(self, view: View) -> bool | None:
        """Run after each epoch and its validation; return True to stop."""

    def on_train_end(self, history: History) -> None:
        """Run when training is over, also when it was stopped."""


def checked(given: Sequence[Callback] | None) -> list[Callback]:
    """Return the callbacks as a list of one's own.

    Raises:
        UsageError: one is no callback.
    """
    for callback in given or ():
        if not isinstance(callback, Callback):
            raise UsageError(
                f"callbacks are objects of a class derived from deepen.Callback, got {callback!r:.80}"
            )
    return list(given or ())
