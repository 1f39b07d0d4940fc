"""Running one layer by itself, in NumPy and in PyTorch, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from deepen import randomness, spec
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.paths import Shape, flatten, nest
from deepen.randomness import Moment
from deepen.spec import Layer

SEED = 7


@dataclass
class Inputs:
    """All that a layer is given: images, parameters, statistics, and the gradient that comes back."""

    x: Array
    dy: Array
    parameters: dict[str, Array]
    statistics: dict[str, Array]


@dataclass
class Result:
    """All that a layer gives; `objective` is the number that the gradients are of."""

    objective: float
    y: Array
    dx: Array
    gradients: dict[str, Array]
    updates: dict[str, Array]


def random_inputs(
    layer: Layer, input_shape: Shape, batch: int = 3, seed: int = 0, dtype: str = "float64"
) -> Inputs:
    """Draw everything at random; statistics are positive, so that they can be variances."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(dtype)

    return Inputs(
        draw(batch, *input_shape),
        draw(batch, *layer.output_shape(input_shape)),
        {path: draw(*param.shape) for path, param in spec.parameters(layer, input_shape).items()},
        {path: abs(draw(*param.shape)) + 0.1 for path, param in spec.statistics(layer, input_shape).items()},
    )


def _pass(training: bool, convert: Callable[[Array], Any]) -> Pass:
    return Pass(training, lambda path, shape: convert(randomness.uniform(SEED, path, Moment(1, 2), shape)))


def _of_side(outputs: Any) -> Array:
    """Return the gradient that comes back to a side output of this shape."""
    return np.cos(np.arange(outputs.shape[0] * outputs.shape[1], dtype="float64")).reshape(tuple(outputs.shape))


def run_numpy(layer: Layer, given: Inputs, training: bool) -> Result:
    run = _pass(training, lambda draws: draws)
    parameters = nest(given.parameters)
    y, cache = layer.forward(given.x, parameters, Context(run, "", nest(given.statistics)))
    objective = float((y * given.dy).sum()) + float(sum(run.penalties))
    for side in run.emitted:
        side.gradient = (side.weight * _of_side(side.outputs)).astype(y.dtype)
        objective += float((side.outputs * side.gradient).sum())
    dx, gradients = layer.backward(given.dy, parameters, cache)
    return Result(objective, y, dx, flatten(gradients), run.updates)


def run_torch(layer: Layer, given: Inputs, training: bool) -> Result:
    run = _pass(training, torch.from_numpy)
    x = torch.from_numpy(given.x.copy()).requires_grad_()
    parameters = {path: torch.from_numpy(a.copy()).requires_grad_() for path, a in given.parameters.items()}
    statistics = {path: torch.from_numpy(a.copy()) for path, a in given.statistics.items()}
    y = layer.torch_forward(F, x, nest(parameters), Context(run, "", nest(statistics)))
    objective = (y * torch.from_numpy(given.dy)).sum() + sum(run.penalties)
    for side in run.emitted:
        objective = objective + side.weight * (side.outputs * torch.from_numpy(_of_side(side.outputs))).sum()
    if not objective.requires_grad:
        objective = objective + 0 * x.sum()
    dx, *found = torch.autograd.grad(objective, [x, *parameters.values()], materialize_grads=True)
    gradients = {path: g.numpy() for path, g in zip(parameters, found, strict=True)}
    updates = {path: value.numpy() for path, value in run.updates.items()}
    return Result(objective.item(), y.detach().numpy(), dx.numpy(), gradients, updates)


def difference(a: Any, b: Any) -> float:
    """Return the largest difference, relative to the largest number."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape}"
    if a.size == 0:
        return 0.0
    return float(abs(a - b).max() / max(1e-300, abs(a).max(), abs(b).max()))


def finite_differences(function: Callable[[Array], float], at: Array, step: float = 1e-6) -> Array:
    """Return the gradient of a function by central differences, `(f(x + h) − f(x − h)) / 2h` for each entry."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        kept = at[index]
        at[index] = kept + step
        above = function(at)
        at[index] = kept - step
        below = function(at)
        at[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient
