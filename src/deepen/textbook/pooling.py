"""Pooling by loops: each window of each map becomes its maximum, minimum or mean.

Padding is no pixel: it never wins and is not counted. The stride is usually the window's size. CS231n hands the
window over in a dictionary: `max_pool_forward(x, **pool_param)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.textbook.shapes import Pair, check_shape, check_shapes
from deepen.textbook.windows import output_shape, stops


def max_pool_forward(
    x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Take each window's maximum: `(N, C, H, W)` → `(N, C, OH, OW)`.

    Source: CS231n, assignment 2, `max_pool_forward_naive`; d2l, section 7.5.
    """
    return _pool("max_pool_forward", np.max, x, (pool_height, pool_width), stride, pad)


def max_pool_backward(
    dy: Array, x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Send each gradient to its window's maximum, the first one (row by row) of several; overlaps add up."""
    return _route("max_pool_backward", np.argmax, dy, x, (pool_height, pool_width), stride, pad)


def min_pool_forward(
    x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Take each window's minimum: `(N, C, H, W)` → `(N, C, OH, OW)`."""
    return _pool("min_pool_forward", np.min, x, (pool_height, pool_width), stride, pad)


def min_pool_backward(
    dy: Array, x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Send each gradient to its window's minimum, the first one (row by row) of several; overlaps add up."""
    return _route("min_pool_backward", np.argmin, dy, x, (pool_height, pool_width), stride, pad)


def average_pool_forward(
    x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Take each window's mean over its m pixels: `(N, C, H, W)` → `(N, C, OH, OW)`.

    Source: d2l, section 7.5.
    """
    # The mean of whole numbers is a fraction.
    x = np.asarray(x, np.result_type(x, np.float16))
    return _pool("average_pool_forward", np.mean, x, (pool_height, pool_width), stride, pad)


def average_pool_backward(
    dy: Array, x: Array, pool_height: int, pool_width: int, stride: int | Pair, pad: int | Pair = 0
) -> Array:
    """Share each gradient out evenly, `dy / m` to each of its window's m pixels; overlaps add up."""
    window = pool_height, pool_width
    _check("average_pool_backward", dy, x, window, stride, pad)
    dx = np.zeros_like(dy, shape=x.shape)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, pad):
        here = dx[:, :, rows, columns]
        here += dy[:, :, i, j, None, None] / (here.shape[2] * here.shape[3])
    return dx


def _pool(
    function: str, summary: Callable[..., Any], x: Array, window: Pair, stride: int | Pair, pad: int | Pair
) -> Array:
    """Put what `summary` makes of each window in its place."""
    check_shapes(function, x=(x, "N C H W"))
    y = np.zeros((*x.shape[:2], *output_shape(x.shape[2:], window, stride, pad)), x.dtype)
    for i, j, rows, columns in stops(x.shape[2:], window, stride, pad):
        y[:, :, i, j] = summary(x[:, :, rows, columns], axis=(2, 3))
    return y


def _route(
    function: str,
    pick: Callable[[Array], Any],
    dy: Array,
    x: Array,
    window: Pair,
    stride: int | Pair,
    pad: int | Pair,
) -> Array:
    """Add each gradient to the one pixel of its window that `pick` chooses."""
    _check(function, dy, x, window, stride, pad)
    dx = np.zeros_like(dy, shape=x.shape)
    for n, c in np.ndindex(*x.shape[:2]):
        for i, j, rows, columns in stops(x.shape[2:], window, stride, pad):
            pixels, gradients = x[n, c, rows, columns], dx[n, c, rows, columns]
            gradients[np.unravel_index(pick(pixels), pixels.shape)] += dy[n, c, i, j]
    return dx


def _check(function: str, dy: Array, x: Array, window: Pair, stride: int | Pair, pad: int | Pair) -> None:
    """Make sure that x are images and dy has the shape of what pooling makes of them."""
    check_shapes(function, x=(x, "N C H W"))
    check_shape(function, "dy", dy, (*x.shape[:2], *output_shape(x.shape[2:], window, stride, pad)))
