"""The engine to read: NumPy, with every gradient derived by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.data.augment import vary_all
from deepen.engines.base import (
    EVALUATION_BATCH,
    INPUT,
    Batch,
    Engine,
    Setup,
    State,
    batches,
    initial_state,
    scaled,
)
from deepen.engines.diagnosis import not_finite
from deepen.engines.state import arranged
from deepen.layers.blocks import one_thread_products, threads
from deepen.losses import one_hot
from deepen.metrics import hits
from deepen.optimizers import clipped
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
    updates: dict[str, Array]
    """New values of the running statistics."""

    @property
    def finite(self) -> bool:
        """Whether the loss and all gradients are finite numbers."""
        return bool(np.isfinite(self.loss)) and all(np.isfinite(g).all() for g in self.parameters.values())


def training_pass(setup: Setup, moment: Moment) -> Pass:
    """Return the pass of a training step: what is drawn depends on (seed, purpose, moment) alone."""

    def draw(purpose: str, shape: Shape) -> Array:
        return randomness.uniform(setup.seed, purpose, moment, shape)

    return Pass(True, draw, epoch=moment.epoch, frozen=setup.frozen)


def make_batch(setup: Setup, images: Array, labels: Array, indices: Array, moment: Moment) -> Batch:
    """Return images as a step takes them: scaled, and varied as the moment and their indices say."""
    targets = labels if labels.ndim == 1 else labels.astype(setup.dtype, copy=False)
    if setup.mixes and labels.ndim == 1:
        targets = one_hot(labels, setup.classes, setup.dtype)
    x = scaled(images, setup.dtype)
    return Batch(indices, moment, *vary_all(setup.augmentations, x, targets, setup.seed, indices, moment))


def compute_gradients(setup: Setup, state: State, x: Array, targets: Array, run: Pass) -> Gradients:
    """Run images, scaled and augmented, through the network and back: the whole of backpropagation."""
    network, loss = setup.loss_network, setup.loss
    weights, statistics = (state.parameters, state.statistics) if run.training else state.evaluated
    parameters = nest(weights)
    # What is not finite is found by looking at the results, so NumPy need not warn on the way.
    with np.errstate(all="ignore"), one_thread_products():
        outputs, cache = network.forward(x, parameters, Context(run, "", nest(statistics)))
        value, loss_cache = loss.forward(outputs, targets)
        for side in run.emitted:
            side_value, side_cache = loss.forward(side.outputs, targets)
            value += side.weight * side_value
            side.gradient = side.weight * loss.backward(side_cache)
        dx, tree = network.backward(loss.backward(loss_cache), parameters, cache)
        gradients = flatten(tree)
        for path, regularizer in setup.regularizers.items() if run.training else ():
            run.penalties.append(regularizer.value(weights[path]))
            gradients[path] = gradients[path] + regularizer.gradient(weights[path])
    return Gradients(value + float(sum(run.penalties)), outputs, dx, gradients, run.updates)


def accumulate_gradients(setup: Setup, state: State, batch: Batch) -> Gradients:
    """Compute the gradients of a training step, in as many parts as the optimizer says."""
    parts = [
        (share, compute_gradients(setup, state, batch.images[i], batch.targets[i], training_pass(setup, moment)))
        for i, share, moment in batch.parts(setup.optimizer.accumulate)
    ]
    return parts[0][1] if len(parts) == 1 else _mean(parts)


def _mean(parts: list[tuple[float, Gradients]]) -> Gradients:
    """Return the gradients of the mean loss over all parts, and the mean of what the statistics became."""

    def mean(tables: list[dict[str, Array]]) -> dict[str, Array]:
        shares = [share for share, _ in parts]
        return {
            path: sum(
                (s * t[path] for s, t in zip(shares[1:], tables[1:], strict=True)), shares[0] * tables[0][path]
            )
            for path in tables[0]
        }

    return Gradients(
        sum(share * found.loss for share, found in parts),
        np.concatenate([found.outputs for _, found in parts]),
        np.concatenate([share * found.input for share, found in parts]),
        mean([found.parameters for _, found in parts]),
        mean([found.updates for _, found in parts]),
    )


class NumpyEngine(Engine):
    """Computes with NumPy on the CPU."""

    name = "numpy"
    device = "cpu"

    def __init__(self, setup: Setup, state: State | None = None) -> None:
        super().__init__(setup)
        self._state = initial_state(setup) if state is None else state.copy()

    def bind(self, images: Array, labels: Array) -> None:
        self._images, self._labels = images, labels

    @property
    def threads(self) -> int:
        return threads()

    def bound_images(self, indices: Array) -> Array:
        return self._images[indices]

    def bound_labels(self, indices: Array) -> Array:
        return self._labels[indices]

    def batch(self, indices: Array, moment: Moment) -> Batch:
        return make_batch(self.setup, self._images[indices], self._labels[indices], indices, moment)

    def train_on(self, batch: Batch, learning_rate: float) -> NumpyResult:
        found = accumulate_gradients(self.setup, self._state, batch)
        if not found.finite:
            raise not_finite(self.setup, self._state, batch)
        self._update(found, learning_rate)
        return NumpyResult(found.loss, hits(found.outputs, batch.targets))

    def _update(self, found: Gradients, learning_rate: float) -> None:
        state, optimizer, gradients = self._state, self.setup.optimizer, found.parameters
        if optimizer.clip_norm is not None:
            gradients = clipped({path: gradients[path] for path in self.setup.trainable}, optimizer.clip_norm)
        state.steps += 1
        for path in self.setup.trainable:
            w, g = state.parameters[path], gradients[path]
            kept = {slot: arrays[path] for slot, arrays in state.slots.items()}
            factor, decay = self.setup.paces[path]
            rate = learning_rate * factor
            with np.errstate(all="ignore"):
                if decay:
                    g = optimizer.decayed(w, g, rate, decay)
                optimizer.update(w, g, kept, state.steps, rate)
                if constraint := self.setup.constraints.get(path):
                    w[:] = constraint.project(w)
        state.statistics.update(found.updates)
        if state.average:
            share = 1 - optimizer.averaging(state.steps)
            for path, w in {**state.parameters, **state.statistics}.items():
                state.average[path] += share * (w - state.average[path])

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
        if moment is None:
            found = compute_gradients(self.setup, self._state, scaled(images, self.setup.dtype), labels, Pass())
        else:
            batch = make_batch(self.setup, images, labels, np.arange(len(images)), moment)
            found = accumulate_gradients(self.setup, self._state, batch)
        return {name: found.input if name == INPUT else found.parameters[name] for name in wanted}

    def state(self) -> State:
        return self._state.copy()

    def load_state(self, state: State) -> None:
        self._state = arranged(self.setup, state)

    def _forward(self, network: Layer, images: Array, run: Pass) -> Array:
        parameters, statistics = map(nest, self._state.evaluated)
        with np.errstate(all="ignore"), one_thread_products():
            y, _ = network.forward(scaled(images, self.setup.dtype), parameters, Context(run, "", statistics))
        result: Array = y
        return result
