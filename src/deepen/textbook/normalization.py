"""Batch normalization as a computational graph, one gate at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.textbook.shapes import check_shapes


def batch_norm_forward(x: Array, gamma: Array, beta: Array, epsilon: float = 1e-5) -> tuple[Array, Any]:
    """Normalize each feature over the batch: `y = γ · (x − μ) / √(σ² + ε) + β`; return y and a cache.

    Shapes: x and y `(N, D)`, γ and β `(D,)`. Maps `(N, C, H, W)` are normalized by channel: lay them out as
    `(N·H·W, C)` first.

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithm 1; CS231n, assignment 2, `batchnorm_forward`.
    """
    check_shapes("batch_norm_forward", x=(x, "N D"), gamma=(gamma, "D"), beta=(beta, "D"))
    mean = x.mean(axis=0)
    centered = x - mean
    variance = (centered**2).mean(axis=0)
    deviation = np.sqrt(variance + float(epsilon))
    inverse = 1 / deviation
    normal = centered * inverse
    y = gamma * normal + beta
    return y, (centered, deviation, inverse, normal, gamma)


def batch_norm_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    """Return (dx, dγ, dβ), going back through the lines of the forward pass, the last one first.

    A value that was used twice (`centered`, x) receives the sum of two gradients.
    """
    centered, deviation, inverse, normal, gamma = cache
    check_shapes("batch_norm_backward", x=(centered, "N D"), dy=(dy, "N D"))
    m = len(dy)
    # y = gamma * normal + beta
    dgamma, dbeta, dnormal = (dy * normal).sum(axis=0), dy.sum(axis=0), dy * gamma
    # normal = centered * inverse
    dcentered, dinverse = dnormal * inverse, (dnormal * centered).sum(axis=0)
    # inverse = 1 / deviation
    ddeviation = -dinverse / deviation**2
    # deviation = sqrt(variance + epsilon)
    dvariance = ddeviation / (2 * deviation)
    # variance = mean of centered squared
    dcentered = dcentered + 2 * centered * dvariance / m
    # centered = x - mean, and mean = mean of x
    dx = dcentered - dcentered.sum(axis=0) / m
    return dx, dgamma, dbeta
