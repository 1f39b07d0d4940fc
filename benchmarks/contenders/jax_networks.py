"""The networks in JAX alone: each takes its weights in turn from an iterator, as the layers come.

Images are `(N, H, W, C)`. `SHAPES` holds the shapes of all weights; of batch normalization the running mean and
variance are kept beside them and come out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import jax
from jax import Array, lax
from jax import numpy as jnp

Weights = Iterator[Array]
RELU = jax.nn.relu


def convolution(weights: Weights, x: Array, padding: int = 0, stride: int = 1) -> Array:
    pads = ((padding, padding),) * 2
    kernel = next(weights)
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def biased(weights: Weights, x: Array, padding: int = 0) -> Array:
    return convolution(weights, x, padding) + next(weights)


def dense(weights: Weights, x: Array) -> Array:
    return x.reshape(len(x), -1) @ next(weights) + next(weights)


def max_pooling(x: Array) -> Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def average_pooling(x: Array) -> Array:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4


def dropout(x: Array, key: Array) -> Array:
    return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x / 0.5, 0)


def deepconvnet(weights: Weights, x: Array, key: Array, statistics: Any) -> tuple[Array, Any]:
    for place, padding in enumerate((1, 1, 1, 2, 1, 1)):
        x = RELU(biased(weights, x, padding))
        x = max_pooling(x) if place % 2 else x
    return dense(weights, dropout(RELU(dense(weights, x)), key)), statistics


def lenet(weights: Weights, x: Array, key: Array, statistics: Any) -> tuple[Array, Any]:
    x = average_pooling(jax.nn.sigmoid(biased(weights, x, 2)))
    x = average_pooling(jax.nn.sigmoid(biased(weights, x)))
    x = jax.nn.sigmoid(dense(weights, x))
    return dense(weights, jax.nn.sigmoid(dense(weights, x))), statistics


def keras_mnist(weights: Weights, x: Array, key: Array, statistics: Any) -> tuple[Array, Any]:
    x = max_pooling(RELU(biased(weights, x)))
    x = max_pooling(RELU(biased(weights, x)))
    return dense(weights, dropout(x, key)), statistics


def resnet20(weights: Weights, x: Array, key: Array, statistics: Any) -> tuple[Array, Any]:
    running, updated = iter(statistics), []

    def normalized(x: Array, stride: int = 1) -> Array:
        x = convolution(weights, x, 1, stride)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        updated.append([0.9 * old + 0.1 * new for old, new in zip(next(running), (mean, variance), strict=True)])
        return (x - mean) * lax.rsqrt(variance + 1e-5) * next(weights) + next(weights)

    x, before = RELU(normalized(x)), 16
    for filters in (16, 16, 16, 32, 32, 32, 64, 64, 64):
        body = normalized(RELU(normalized(x, filters // before)))
        if filters != before:
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, filters - before)))
        x, before = RELU(body + x), filters
    return dense(weights, x.mean((1, 2))), updated


def _plain(channels: tuple[int, ...], side: int, units: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes of convolutions with biases, and of dense layers behind them."""
    shapes: list[tuple[int, ...]] = []
    for before, after in pairwise(channels):
        shapes += [(side, side, before, after), (after,)]
    for before, after in pairwise(units):
        shapes += [(before, after), (after,)]
    return shapes


def _residual() -> list[tuple[int, ...]]:
    filters = (3, 16, *[16] * 6, *[32] * 6, *[64] * 6)
    shapes: list[tuple[int, ...]] = []
    for before, after in pairwise(filters):
        shapes += [(3, 3, before, after), (after,), (after,)]
    return [*shapes, (64, 10), (10,)]


Network = Callable[[Weights, Array, Array, Any], tuple[Array, Any]]
NETWORKS: dict[str, Network] = {
    "deepconvnet": deepconvnet,
    "lenet": lenet,
    "keras_mnist": keras_mnist,
    "resnet20": resnet20,
}
SHAPES = {
    "deepconvnet": _plain((1, 16, 16, 32, 32, 64, 64), 3, (1024, 50, 10)),
    "lenet": _plain((1, 6, 16), 5, (400, 120, 84, 10)),
    "keras_mnist": _plain((1, 32, 64), 3, (1600, 10)),
    "resnet20": _residual(),
}
