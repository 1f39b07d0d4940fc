"""One layer by itself: what it is given, and its NumPy passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.engines.layer_call import call_backward, call_forward, call_params, calling
from deepen.layers.blocks import one_thread_products
from deepen.paths import Shape, nest
from deepen.randomness import Moment
from deepen.spec import Layer, Param


@dataclass(frozen=True)
class LayerInputs:
    """A batch for a layer, the layer's arrays by path, and the seed of all that is drawn."""

    x: Array
    parameters: dict[str, Array]
    statistics: dict[str, Array]
    seed: int

    def astype(self, dtype: str) -> LayerInputs:
        """Return a copy in another type, or in the same one."""
        parameters, statistics = (
            {path: array.astype(dtype) for path, array in arrays.items()}
            for arrays in (self.parameters, self.statistics)
        )
        return LayerInputs(self.x.astype(dtype), parameters, statistics, self.seed)

    def upstream(self, outputs: Any, number: int = 0) -> Array:
        """Return the gradient that comes back to output `number` (0 is y, side outputs follow)."""
        return _normal(self.seed, f"upstream {number}", tuple(outputs.shape)).astype(self.x.dtype)

    def layer_pass(self, training: bool) -> Pass:
        """Return the pass in which the layer is run."""
        return Pass(training, self.uniform)

    def uniform(self, purpose: str, shape: Shape) -> Array:
        """Return the random numbers that a layer draws, the same in every pass."""
        return randomness.uniform(self.seed, purpose, Moment(), shape)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield x, the parameters and the statistics by name."""
        yield "x", self.x
        yield from self.parameters.items()
        yield from self.statistics.items()


@dataclass(frozen=True)
class LayerResult:
    """What a layer's two passes give."""

    y: Array
    dx: Array
    gradients: dict[str, Array]
    updates: dict[str, Array]
    overwritten: tuple[str, ...] = ()
    """The names of what the layer was given and has changed."""

    def arrays(self) -> dict[str, Array]:
        """Return everything by name."""
        return {"y": self.y, "dx": self.dx, **self.gradients, **self.updates}


def random_inputs(layer: Layer, input_shape: Shape, batch: int, seed: int) -> LayerInputs:
    """Draw a batch `(batch, *input_shape)` and the layer's arrays at random, in float64.

    Parameters are their first values and something to it, so that no zero and no one hides a mistake; fixed ones
    are their first values. Statistics move upwards only, since they may be variances.

    Raises:
        LayerCallError: what the layer declares is nothing that could be drawn.
    """

    def first(path: str, param: Param) -> Array:
        with calling(param.initializer, "sample"):
            value: Array = np.asarray(param.initializer.sample(param.shape, seed, path), np.float64)
        return value

    def moved(path: str, param: Param) -> Array:
        change = 0.5 / sqrt(prod(param.shape[1:])) * _normal(seed, path, param.shape)
        return np.asarray(first(path, param) + change) if param.trainable else first(path, param)

    return LayerInputs(
        _normal(seed, "x", (batch, *input_shape)),
        {path: moved(path, param) for path, param in call_params(layer, input_shape, "params").items()},
        {
            path: np.asarray(first(path, param) + abs(0.5 * _normal(seed, path, param.shape)))
            for path, param in call_params(layer, input_shape, "statistics").items()
        },
        seed,
    )


def run_numpy(layer: Layer, inputs: LayerInputs, training: bool) -> LayerResult:
    """Run a layer forth and back: the gradients of `Σ y · upstream`, side outputs and penalties included.

    Raises:
        LayerCallError: a pass raises an error, or returns something else than it must.
    """
    own, run = inputs.astype(inputs.x.dtype.name), inputs.layer_pass(training)
    parameters = nest(own.parameters)
    with np.errstate(all="ignore"), one_thread_products():
        y, cache = call_forward(layer, own.x, parameters, Context(run, "", nest(own.statistics)))
        for number, emitted in enumerate(run.emitted, 1):
            emitted.gradient = own.upstream(emitted.outputs, number)
        dy, y_before = own.upstream(y), y.copy()
        dx, gradients = call_backward(layer, dy, parameters, cache)
    kept = [*zip(inputs.arrays(), own.arrays(), strict=True)]
    overwritten = [name for (name, before), (_, after) in kept if not _same(before, after)]
    overwritten += [] if _same(dy, inputs.upstream(y)) else ["dy"]
    overwritten += [] if _same(y, y_before) else ["y"]
    updates = {path: np.asarray(value) for path, value in run.updates.items()}
    return LayerResult(y_before, dx, gradients, updates, tuple(overwritten))


def objective_terms(layer: Layer, inputs: LayerInputs, training: bool) -> Array:
    """Return the numbers whose sum the gradients of `run_numpy` are of, in one row.

    Differences of the terms lose fewer digits than differences of the sum.
    """
    run = inputs.layer_pass(training)
    context = Context(run, "", nest(inputs.statistics))
    with np.errstate(all="ignore"), one_thread_products():
        y, _ = call_forward(layer, inputs.x.copy(), nest(inputs.parameters), context)
        outputs = [y, *(emitted.outputs for emitted in run.emitted)]
        terms = [(output * inputs.upstream(output, number)).ravel() for number, output in enumerate(outputs)]
    return np.concatenate([*terms, np.array(run.penalties, inputs.x.dtype)])


def _normal(seed: int, purpose: str, shape: Shape) -> Array:
    return randomness.normal(seed, f"check {purpose}", prod(shape)).reshape(shape)


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=True)
