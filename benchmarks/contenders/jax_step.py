"""JAX by itself: one compiled function makes a whole step, and its arguments' memory is used again."""

from __future__ import annotations

import time
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from common.task import RATE, Runner, Task, shuffled
from contenders.jax_networks import NETWORKS, SHAPES


def first_weights(shapes: list[tuple[int, ...]], seed: int) -> list[Array]:
    """Return kernels by He; a vector behind a kernel is a bias, or where two follow, γ = 1 comes first."""
    keys = iter(jax.random.split(jax.random.key(seed), len(shapes)))
    weights = []
    for place, shape in enumerate(shapes):
        scale = len(shape) == 1 and place + 1 < len(shapes) and len(shapes[place + 1]) == 1
        std = 0 if len(shape) == 1 else (2 / prod(shape[:-1])) ** 0.5
        weights.append(std * jax.random.normal(next(keys), shape) + (1.0 if scale else 0.0))
    return weights


def train(task: Task) -> Runner:
    """Train with Adam; the images lie in JAX's memory, and the step takes its batch from them."""
    network, shapes = NETWORKS[task.network], SHAPES[task.network]
    x, t = jnp.asarray(task.scaled().transpose(0, 2, 3, 1)), jnp.asarray(task.labels())

    def loss_of(
        weights: list[Array], statistics: Any, images: Array, labels: Array, key: Array
    ) -> tuple[Array, Any]:
        logits, statistics = network(iter(weights), images, key, statistics)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -chosen.mean(), statistics

    @partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Array, t: Array, batch: Array) -> tuple[Any, Array]:
        weights, means, squares, statistics, count, key = state
        key, own = jax.random.split(key)
        (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            weights, statistics, x[batch], t[batch], own
        )
        count += 1
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
        squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, squares, gradients)
        first, second = 1 - 0.9**count, 1 - 0.999**count
        weights = jax.tree.map(
            lambda w, m, v: w - RATE * (m / first) / (jnp.sqrt(v / second) + 1e-8), weights, means, squares
        )
        return (weights, means, squares, statistics, count, key), loss

    weights = first_weights(shapes, task.seed)
    normalized = [shape for shape, following in pairwise(shapes) if len(shape) == len(following) == 1]
    statistics = [[jnp.zeros(shape), jnp.ones(shape)] for shape in normalized]
    means, squares = ([jnp.zeros_like(w) for w in weights] for _ in range(2))
    state = (weights, means, squares, statistics, jnp.zeros(()), jax.random.key(1))
    batches = shuffled(len(x), task.batch)

    def rate(steps: int) -> float:
        nonlocal state
        start = time.perf_counter()
        for _ in range(steps):
            state, loss = step(state, x, t, np.asarray(next(batches), np.int32))
        loss.block_until_ready()
        return steps * task.batch / (time.perf_counter() - start)

    return Runner(rate, task.batch, sum(w.size for w in weights))
