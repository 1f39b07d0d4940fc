"""The engine to read: NumPy, with every gradient derived by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.engines.base import (
    EVALUATION_BATCH,
    INPUT,
    Engine,
    Setup,
    State,
    augmentation_contexts,
    batches,
    initial_state,
    scaled,
)
from deepen.engines.diagnosis import not_finite
from deepen.layers.blocks import one_thread_products
from deepen.metrics import hits
from deepen.paths import Shape, flatten, nest
from deepen.randomness import Moment
from deepen.spec import Layer


@dataclass(frozen=True)
class NumpyResult:
    """The result of a step, known as soon as it is made."""

    loss: float
    hits: int

    def read(self) -> tuple[float, int]:
        return self.loss, self.hits


@dataclass(frozen=True)
class Gradients:
    """What one forward and backward pass gives."""

    loss: float
    outputs: Array
    input: Array
    parameters: dict[str, Array]
    run: Pass

    @property
    def finite(self) -> bool:
        """Whether the loss and all gradients are finite numbers."""
        return bool(np.isfinite(self.loss)) and all(np.isfinite(g).all() for g in self.parameters.values())


def training_pass(setup: Setup, moment: Moment) -> Pass:
    """Return the pass of a training step: what is drawn depends on (seed, purpose, moment) alone."""

    def draw(purpose: str, shape: Shape) -> Array:
        return randomness.uniform(setup.seed, purpose, moment, shape)

    return Pass(True, draw, frozen=setup.frozen)


def compute_gradients(setup: Setup, state: State, images: Array, labels: Array, run: Pass) -> Gradients:
    """Run a batch through the network and back: the whole of backpropagation."""
    network, loss, parameters = setup.loss_network, setup.loss, nest(state.parameters)
    x = scaled(images, setup.dtype)
    if run.training:
        for augmentation, context in augmentation_contexts(setup, run):
            x = augmentation.forward(x, context)
    # What is not finite is found by looking at the results, so NumPy need not warn on the way.
    with np.errstate(all="ignore"), one_thread_products():
        outputs, cache = network.forward(x, parameters, Context(run, "", nest(state.statistics)))
        value, loss_cache = loss.forward(outputs, labels)
        for side in run.emitted:
            side_value, side_cache = loss.forward(side.outputs, labels)
            value += side.weight * side_value
            side.gradient = side.weight * loss.backward(side_cache)
        dx, tree = network.backward(loss.backward(loss_cache), parameters, cache)
        gradients = flatten(tree)
        for path, regularizer in setup.regularizers.items() if run.training else ():
            run.penalties.append(regularizer.value(state.parameters[path]))
            gradients[path] = gradients[path] + regularizer.gradient(state.parameters[path])
    return Gradients(value + float(sum(run.penalties)), outputs, dx, gradients, run)


class NumpyEngine(Engine):
    """Computes with NumPy on the CPU."""

    name = "numpy"
    device = "cpu"

    def __init__(self, setup: Setup, state: State | None = None) -> None:
        super().__init__(setup)
        self._state = initial_state(setup) if state is None else state.copy()

    def bind(self, images: Array, labels: Array) -> None:
        self._images, self._labels = images, labels

    def step(self, indices: Array, moment: Moment, learning_rate: float) -> NumpyResult:
        images, labels = self._images[indices], self._labels[indices]
        run = training_pass(self.setup, moment)
        found = compute_gradients(self.setup, self._state, images, labels, run)
        if not found.finite:
            raise not_finite(self.setup, self._state, images, labels, moment)
        state, optimizer = self._state, self.setup.optimizer
        state.steps += 1
        for path in self.setup.trainable:
            w, g = state.parameters[path], found.parameters[path]
            kept = {slot: arrays[path] for slot, arrays in state.slots.items()}
            factor, decay = self.setup.paces[path]
            rate = learning_rate * factor
            with np.errstate(all="ignore"):
                if decay:
                    g = optimizer.decayed(w, g, rate, decay)
                optimizer.update(w, g, kept, state.steps, rate)
                if constraint := self.setup.constraints.get(path):
                    w[:] = constraint.project(w)
        state.statistics.update(found.run.updates)
        return NumpyResult(found.loss, hits(found.outputs, labels))

    def outputs(self, images: Array, batch_size: int = EVALUATION_BATCH) -> Array:
        parts = [
            self._forward(self.setup.loss_network, images[part], Pass())
            for part in batches(len(images), batch_size)
        ]
        return np.concatenate(parts)

    def activations(self, images: Array, paths: Collection[str]) -> dict[str, Array]:
        self.check_paths(paths)
        run = Pass(watch=set(paths))
        self._forward(self.setup.network, images, run)
        return {path: np.ascontiguousarray(run.outputs[path]) for path in paths}

    def gradients(
        self,
        images: Array,
        labels: Array,
        with_respect_to: Iterable[str] | None = None,
        moment: Moment | None = None,
    ) -> dict[str, Array]:
        wanted = self.wanted(with_respect_to)
        run = Pass() if moment is None else training_pass(self.setup, moment)
        found = compute_gradients(self.setup, self._state, images, labels, run)
        return {name: found.input if name == INPUT else found.parameters[name] for name in wanted}

    def state(self) -> State:
        return self._state.copy()

    def load_state(self, state: State) -> None:
        self._state = state.copy()

    def _forward(self, network: Layer, images: Array, run: Pass) -> Array:
        context = Context(run, "", nest(self._state.statistics))
        with np.errstate(all="ignore"), one_thread_products():
            y, _ = network.forward(scaled(images, self.setup.dtype), nest(self._state.parameters), context)
        result: Array = y
        return result
