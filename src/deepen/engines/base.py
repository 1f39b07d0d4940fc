"""What every engine offers, and what all of them share: the setup, the state, the first weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.data.augment import Augmentation
from deepen.errors import DeepenError, ShapeError, UnknownNameError, UsageError
from deepen.groups import Group
from deepen.layers.combine import split_softmax
from deepen.layers.side import as_logits, side_outputs
from deepen.losses import Loss, SoftmaxCrossEntropy
from deepen.optimizers import Adam, Optimizer
from deepen.paths import Shape
from deepen.randomness import Moment
from deepen.spec import Constraint, Layer, Param, Regularizer

EVALUATION_BATCH = 256
INPUT = "input"
"""How `gradients` is asked for the gradient with respect to the images."""


@dataclass(frozen=True)
class Setup:
    """Everything that an engine computes: fixed for its life, and the same in every engine."""

    network: Layer
    input_shape: Shape
    loss: Loss = field(default_factory=SoftmaxCrossEntropy)
    optimizer: Optimizer = field(default_factory=Adam)
    seed: int = 0
    dtype: Literal["float32", "float64"] = "float32"
    augmentations: tuple[Augmentation, ...] = ()
    """What varies the images of training steps, in order."""
    groups: tuple[Group, ...] = ()
    """Which parameters are trained in their own way."""

    def __post_init__(self) -> None:
        outputs = self.network.output_shape(self.input_shape)
        for path, head in side_outputs(self.network, self.input_shape):
            if head.output_shape != outputs:
                problem = f"has a head that gives {head.output_shape}, but the network gives {outputs}"
                raise ShapeError("SideOutput", f"{problem}; let both end in as many classes", path)
        if len(outputs) == 1:
            self.loss.check(outputs[0])
        for group in self.groups:
            group.check(self.parameters)
        if self.groups and not self.trainable and any(param.trainable for param in self.parameters.values()):
            raise UsageError("everything is frozen, so that there is nothing to learn; freeze less")

    @cached_property
    def loss_network(self) -> Layer:
        """The network as the loss takes it: without a final softmax where that works on logits."""
        return as_logits(self.network) if self.loss.on_logits else self.network

    @cached_property
    def gives_probabilities(self) -> bool:
        """Whether predictions are probabilities: by the loss, or because the network itself ends in them."""
        return self.loss.probabilistic or (not self.loss.on_logits and split_softmax(self.network)[1])

    @cached_property
    def parameters(self) -> dict[str, Param]:
        """The parameters by path, trainable and fixed."""
        return spec.parameters(self.network, self.input_shape)

    @cached_property
    def statistics(self) -> dict[str, Param]:
        """The running statistics by path."""
        return spec.statistics(self.network, self.input_shape)

    @cached_property
    def trainable(self) -> list[str]:
        """The paths of the parameters that training changes."""
        return [path for path, param in self.parameters.items() if param.trainable and not self._frozen(path)]

    @cached_property
    def frozen(self) -> frozenset[str]:
        """The paths of the layers that compute as in evaluation: they, or all of their parts, are frozen."""
        if not any(group.frozen for group in self.groups):
            return frozenset()
        learning = [path for path, param in self.parameters.items() if param.trainable]
        found = set()
        for layer in spec.layer_paths(self.network, self.input_shape):
            own = [path for path in learning if path.startswith(f"{layer}.")]
            if self._frozen(layer) or (own and all(map(self._frozen, own))):
                found.add(layer)
        return frozenset(found)

    @cached_property
    def regularizers(self) -> dict[str, Regularizer]:
        """The penalties on parameters that training changes, by path."""
        found = {path: self.parameters[path].regularizer for path in self.trainable}
        return {path: regularizer for path, regularizer in found.items() if regularizer is not None}

    @cached_property
    def constraints(self) -> dict[str, Constraint]:
        """What parameters that training changes have to keep to, by path."""
        found = {path: self.parameters[path].constraint for path in self.trainable}
        return {path: constraint for path, constraint in found.items() if constraint is not None}

    @cached_property
    def paces(self) -> dict[str, tuple[float, float]]:
        """The factor of each parameter's learning rate, and its weight decay, by path."""
        found = {}
        for path, param in self.parameters.items():
            group, decay = self._group(path), self.optimizer.weight_decay
            if group is not None and group.decay is not None:
                decay = group.decay
            found[path] = (1.0 if group is None else group.rate), (decay if param.decay else 0.0)
        return found

    def _group(self, path: str) -> Group | None:
        return next((group for group in reversed(self.groups) if group.holds(path)), None)

    def _frozen(self, path: str) -> bool:
        group = self._group(path)
        return group is not None and group.frozen


@dataclass
class State:
    """All that the next step depends on, as NumPy arrays by path."""

    parameters: dict[str, Array]
    statistics: dict[str, Array]
    slots: dict[str, dict[str, Array]]
    """The optimizer's arrays: name of the slot → path of the parameter → array."""
    steps: int = 0
    """How many updates the optimizer has made."""

    def copy(self) -> State:
        """Return a state that shares no memory with this one."""
        slots = {slot: _copies(arrays) for slot, arrays in self.slots.items()}
        return State(_copies(self.parameters), _copies(self.statistics), slots, self.steps)


def _copies(arrays: dict[str, Array]) -> dict[str, Array]:
    return {path: array.copy() for path, array in arrays.items()}


def initial_state(setup: Setup) -> State:
    """Return the state before training: the same for one seed in every engine."""

    def first(params: dict[str, Param]) -> dict[str, Array]:
        return {
            path: param.initializer.sample(param.shape, setup.seed, path).astype(setup.dtype)
            for path, param in params.items()
        }

    return fresh_state(setup, first(setup.parameters), first(setup.statistics))


def fresh_state(setup: Setup, parameters: dict[str, Array], statistics: dict[str, Array]) -> State:
    """Return the state of an optimizer that has made no step yet, with these weights."""
    slots = {
        slot: {path: np.zeros_like(parameters[path]) for path in setup.trainable} for slot in setup.optimizer.slots
    }
    return State(parameters, statistics, slots)


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
    def step(self, indices: Array, moment: Moment, learning_rate: float) -> StepResult:
        """Train on the bound images at `indices` once.

        A step whose loss or gradients are not finite changes nothing, and neither do those after it until the
        result has been read. Results are to be read in their order.

        Raises:
            NonFiniteError: as for `StepResult.read`, where the engine knows at once.
        """

    @abstractmethod
    def outputs(self, images: Array, batch_size: int = EVALUATION_BATCH) -> Array:
        """Return the outputs `(N, K)` that losses work on (logits), in evaluation mode."""

    def evaluate(self, images: Array, labels: Array, batch_size: int = EVALUATION_BATCH) -> tuple[float, Array]:
        """Return the mean loss over all images, the last partial batch included, and the outputs `(N, K)`."""
        outputs = self.outputs(images, batch_size)
        total = 0.0
        for part in batches(len(images), batch_size):
            value, _ = self.setup.loss.forward(outputs[part], labels[part])
            total += value * len(outputs[part])
        return total / len(images), outputs

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


def augmentation_contexts(setup: Setup, run: Pass) -> list[tuple[Augmentation, Context]]:
    """Return the augmentations of a training pass, each with a context, and so with draws, of its own."""
    return [(step, Context(run, f"augmentation {i}")) for i, step in enumerate(setup.augmentations)]
