"""Gradients without calculus, to check those that calculus gave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deepen.arrays import Array


def numerical_gradient(f: Callable[[Array], float], x: Array, step: float = 1e-4) -> Array:
    """Return the gradient of f at x by central differences: `df/dx ≈ (f(x + h) − f(x − h)) / 2h` for each entry.

    Computed in float64, whatever the type of x; float32 has too few digits for the difference.

    Source: Saito, "Deep Learning from Scratch", section 4.4; CS231n, "Neural networks part 3", gradient checks.
    """
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        above, below = x.astype(np.float64), x.astype(np.float64)
        above[index] += step
        below[index] -= step
        gradient[index] = (f(above) - f(below)) / (2 * step)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    """Return `max |a − b| / max(10⁻⁸, |a| + |b|)`, over all entries.

    Source: CS231n, assignment 2, `rel_error`.
    """
    return float((abs(a - b) / np.maximum(1e-8, abs(a) + abs(b))).max())
