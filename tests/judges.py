"""Giving a layer the arrays of an example, and comparing what comes out with what a book says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.spec import Layer, parameters
from harness import Inputs, difference, run_numpy


def source() -> Callable[..., Array]:
    """Return a function that draws arrays of a shape, the same ones in every test."""
    rng = np.random.default_rng(0)
    return lambda *shape: rng.standard_normal(shape)


def run(layer: Layer, x: Array, dy: Array, *arrays: Array) -> tuple[Array, ...]:
    """Return y, dx and the parameters' gradients in evaluation; the parameters are given in their order."""
    names = parameters(layer, x.shape[1:])
    result = run_numpy(layer, Inputs(x, dy, dict(zip(names, arrays, strict=True)), {}), training=False)
    return result.y, result.dx, *result.gradients.values()


def outputs(layer: Layer, x: Array, *arrays: Array) -> Array:
    """Return what a layer or network gives in evaluation; its parameters are given in their order."""
    return run(layer, x, np.zeros((len(x), *layer.output_shape(x.shape[1:]))), *arrays)[0]


def assert_same(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """Check several arrays against as many others."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert difference(one, other) < tolerance


def assert_printed(found: Any, printed: Any, digits: int = 8) -> None:
    """Check that the numbers are those printed with so many digits after the point."""
    np.testing.assert_allclose(found, printed, rtol=0, atol=0.51 * 10.0**-digits)
