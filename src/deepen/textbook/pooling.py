"""Pooling by loops: each window of each map becomes its maximum, minimum or mean.

Padding is no pixel: it never wins and is not counted. The stride is usually the window's size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.textbook.windows import Pair, output_shape, stops


def max_pool_forward(x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0) -> Array:
    """Take each window's maximum: `(N, C, H, W)` → `(N, C, OH, OW)`.

    Source: CS231n, assignment 2, `max_pool_forward_naive`; d2l, section 7.5.
    """
    y = np.zeros((*x.shape[:2], *output_shape(x.shape[2:], window, stride, padding)), x.dtype)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, padding):
        y[:, :, i, j] = x[:, :, rows, columns].max(axis=(2, 3))
    return y


def max_pool_backward(
    dy: Array, x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0
) -> Array:
    """Send each gradient to its window's maximum, the first one (row by row) of several; overlaps add up."""
    return _route(np.argmax, dy, x, window, stride, padding)


def min_pool_forward(x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0) -> Array:
    """Take each window's minimum: `(N, C, H, W)` → `(N, C, OH, OW)`."""
    y = np.zeros((*x.shape[:2], *output_shape(x.shape[2:], window, stride, padding)), x.dtype)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, padding):
        y[:, :, i, j] = x[:, :, rows, columns].min(axis=(2, 3))
    return y


def min_pool_backward(
    dy: Array, x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0
) -> Array:
    """Send each gradient to its window's minimum, the first one (row by row) of several; overlaps add up."""
    return _route(np.argmin, dy, x, window, stride, padding)


def average_pool_forward(x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0) -> Array:
    """Take each window's mean over its m pixels: `(N, C, H, W)` → `(N, C, OH, OW)`.

    Source: d2l, section 7.5.
    """
    # The mean of whole numbers is a fraction.
    dtype = np.result_type(x, np.float16)
    y = np.zeros((*x.shape[:2], *output_shape(x.shape[2:], window, stride, padding)), dtype)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, padding):
        y[:, :, i, j] = x[:, :, rows, columns].mean(axis=(2, 3))
    return y


def average_pool_backward(
    dy: Array, x: Array, window: int | Pair, stride: int | Pair, padding: int | Pair = 0
) -> Array:
    """Share each gradient out evenly, `dy / m` to each of its window's m pixels; overlaps add up."""
    dx = np.zeros_like(dy, shape=x.shape)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, padding):
        here = dx[:, :, rows, columns]
        here += dy[:, :, i, j, None, None] / (here.shape[2] * here.shape[3])
    return dx


def _route(
    pick: Callable[[Array], Any],
    dy: Array,
    x: Array,
    window: int | Pair,
    stride: int | Pair,
    padding: int | Pair,
) -> Array:
    """Add each gradient to the one pixel of its window that `pick` chooses."""
    dx = np.zeros_like(dy, shape=x.shape)
    for n, c in np.ndindex(*x.shape[:2]):
        for i, j, rows, columns in stops(x.shape[2:], window, stride, padding):
            pixels, gradients = x[n, c, rows, columns], dx[n, c, rows, columns]
            gradients[np.unravel_index(pick(pixels), pixels.shape)] += dy[n, c, i, j]
    return dx
