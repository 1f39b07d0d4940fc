"""What every engine offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.engines.setup import Setup
from deepen.engines.state import State, fresh_state, initial_state
from deepen.errors import DeepenError, UnknownNameError
from deepen.randomness import Moment

__all__ = [
    "EVALUATION_BATCH",
    "INPUT",
    "Batch",
    "Engine",
    "Setup",
    "State",
    "StepResult",
    "batches",
    "fresh_state",
    "initial_state",
    "scaled",
]

EVALUATION_BATCH = 256
INPUT = "input"
"""How `gradients` is asked for the gradient with respect to the images."""


@dataclass(frozen=True)
class Batch:
    """What a training step works on, where the engine computes: images scaled and augmented, and their targets."""

    indices: Array
    moment: Moment
    images: Any
    targets: Any
    """Class numbers `(N,)`, or rows `(N, K)`."""

    def __len__(self) -> int:
        return len(self.indices)

    def parts(self, count: int) -> Iterator[tuple[slice, float, Moment]]:
        """Yield `count` portions, or fewer of few images: the slice, its share, and the moment of its draws."""
        count = min(count, len(self))
        for start, stop in pairwise(len(self) * i // count for i in range(count + 1)):
            moment = replace(self.moment, position=self.moment.position + start)
            yield slice(start, stop), (stop - start) / len(self), moment


class StepResult(Protocol):
    """What a step has found; reading it may wait for the device."""

    def read(self) -> tuple[float, int]:
        """Return the mean loss of the batch, and how many of its images were classified rightly.

        Raises:
            NonFiniteError: loss or gradients were not finite; the step has changed nothing.
        """
        ...


class Engine(ABC):
    """Computes one network: training steps, outputs, activations, gradients.

    Images are `(N, C, H, W)`, uint8 (divided by 255) or floats (taken as they are). Labels are class numbers
    `(N,)` or rows `(N, K)`. Arrays that come out are NumPy's. Nothing here goes layer by layer, so that a step
    can be one compiled program.
    """

    name: str
    device: str

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @abstractmethod
    def bind(self, images: Array, labels: Array) -> None:
        """Put the training data where the engine computes; steps refer to it by index."""

    @abstractmethod
    def bound_images(self, indices: Array) -> Array:
        """Return the bound images at `indices`, as they were given."""

    @abstractmethod
    def bound_labels(self, indices: Array) -> Array:
        """Return the bound labels at `indices`, as they were given."""

    @abstractmethod
    def batch(self, indices: Array, moment: Moment) -> Batch:
        """Return the bound images at `indices` as the step at that moment takes them.

        It depends on nothing else, so that batches can be made ahead of their steps and beside them.
        """

    @abstractmethod
    def train_on(self, batch: Batch, learning_rate: float) -> StepResult:
        """Train on a batch once.

        A step whose loss or gradients are not finite changes nothing, and neither do those after it until the
        result has been read. Results are to be read in their order.

        Raises:
            NonFiniteError: as for `StepResult.read`, where the engine knows at once.
        """

    def step(self, indices: Array, moment: Moment, learning_rate: float) -> StepResult:
        """Make the batch of a moment and train on it."""
        return self.train_on(self.batch(indices, moment), learning_rate)

    @abstractmethod
    def outputs(self, images: Array, batch_size: int = EVALUATION_BATCH) -> Array:
        """Return the outputs `(N, K)` that losses work on (logits), in evaluation mode."""

    def evaluate(self, images: Array, labels: Array, batch_size: int = EVALUATION_BATCH) -> tuple[float, Array]:
        """Return the mean loss over all images, the last partial batch included, and the outputs `(N, K)`."""
        outputs = self.outputs(images, batch_size)
        return self.mean_loss(outputs, labels, batch_size), outputs

    def mean_loss(self, outputs: Array, labels: Array, batch_size: int = EVALUATION_BATCH) -> float:
        """Return the mean loss of outputs `(N, K)`."""
        total = 0.0
        for part in batches(len(outputs), batch_size):
            value, _ = self.setup.loss.forward(outputs[part], labels[part])
            total += value * len(outputs[part])
        return total / len(outputs)

    @property
    @abstractmethod
    def threads(self) -> int:
        """How many threads compute."""

    @abstractmethod
    def activations(self, images: Array, paths: Collection[str]) -> dict[str, Array]:
        """Return the outputs of the layers at `paths`, in evaluation mode.

        Raises:
            UnknownNameError: there is no layer at a path.
        """

    @abstractmethod
    def gradients(
        self,
        images: Array,
        labels: Array,
        with_respect_to: Iterable[str] | None = None,
        moment: Moment | None = None,
    ) -> dict[str, Array]:
        """Return the gradients of the mean loss with respect to parameters, or to `"input"`.

        Args:
            images: `(N, C, H, W)`.
            labels: `(N,)` or `(N, K)`.
            with_respect_to: paths of trainable parameters, `"input"`, or None for all trainable parameters.
            moment: the training step to compute as; None computes in evaluation mode.

        Raises:
            UnknownNameError: there is no such parameter.
        """

    @abstractmethod
    def state(self) -> State:
        """Return a copy of the state."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """Continue from a state: steps that follow are those that would have followed where it was taken."""

    def wanted(self, names: Iterable[str] | None) -> list[str]:
        """Return the names that `gradients` is asked for, or say which one does not exist."""
        if names is None:
            return self.setup.trainable
        known = {INPUT, *self.setup.trainable}
        found = list(names)
        for name in found:
            if name not in known:
                raise UnknownNameError("parameter", name, known)
        return found

    def check_paths(self, paths: Collection[str]) -> None:
        """Make sure that there is a layer at each path."""
        known = set(spec.layer_paths(self.setup.network, self.setup.input_shape))
        for path in paths:
            if path not in known:
                raise UnknownNameError("layer", path, known)


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield the slices that cover `count` items, the last one as short as need be."""
    if size < 1:
        raise DeepenError(f"the batch size must be 1 or more, got {size}")
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def scaled(images: Array, dtype: str) -> Array:
    """Return what a network sees: uint8 divided by 255, floats as they are, in the engine's type."""
    if images.dtype == np.uint8:
        x: Array = images.astype(dtype) / np.asarray(255, dtype)
        return x
    return images.astype(dtype, copy=False)
