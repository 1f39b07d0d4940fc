"""Callbacks: they see a read-only view of the training, and may say stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from deepen.arrays import Array
from deepen.engines.base import Engine
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
    """Return a copy of the parameters by path, as evaluation uses them."""
    save: Callable[[str | os.PathLike[str]], object]
    """Write the model as it is to a file, `*.safetensors`."""
    history: History = field(default_factory=History)
    """The epochs that are over, in this run and in the part of it that came before an interruption."""
    figures: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """The epoch's figures, once it is over."""
    over: bool = False
    """Whether no epoch is left, as where a complete training was begun again."""
    engine: Engine | None = None
    """What is trained, to be looked into and not to be changed."""
    indices: Array | None = None
    """Which of the engine's bound images are trained on."""


class Callback:
    """Base of the callbacks: override what is of interest.

    A run that was interrupted goes on with new callbacks: what one has to know of earlier epochs it takes from
    `view.history`, so that it decides as if nothing had happened.
    """

    def on_train_begin(self, view: View) -> None:
        """Run before the first step, and once more where an interrupted run goes on."""

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
    if given is not None and not isinstance(given, Sequence):
        raise UsageError(f"callbacks come in a list, as in [{given!r:.60}]")
    for callback in given or ():
        if not isinstance(callback, Callback):
            raise UsageError(
                f"callbacks are objects of a class derived from deepen.Callback, got {callback!r:.80}"
            )
    return list(given or ())
