"""Images read at places between pixels: the four pixels around a place, weighted by how near they are.

Places are counted in pixels, (0, 0) being the centre of the first one; beyond the border everything is zero. Both
functions give the same to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deepen.arrays import Array


def sample(x: Array, rows: Array, columns: Array) -> Array:
    """Return the values of x `(N, C, H, W)` at places `(N, H, W)` each, with NumPy."""
    n, c, h, w = x.shape
    top, down = _whole_and_rest(rows, h)
    left, right = _whole_and_rest(columns, w)
    # A frame of zeros holds every neighbour; reading from flat memory is faster than by four indices.
    flat = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))).ravel()
    images = np.arange(n * c).reshape(n, c, 1, 1) * ((h + 2) * (w + 2))
    corner = images + ((top + 1) * (w + 2) + left + 1)[:, None]
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    corner += w + 2
    lower = flat[corner] * (1 - right) + flat[corner + 1] * right
    sampled: Array = upper * (1 - down) + lower * down
    return sampled


def _whole_and_rest(places: Array, length: int) -> tuple[Array, Array]:
    """Return the pixel before each place, −1 to length − 1, and `(N, 1, H, W)` how far the place is beyond it."""
    # From one pixel outside on everything is zero: further away makes no difference.
    places = np.clip(places, -1, length)
    before = np.minimum(np.floor(places), length - 1)
    return before.astype(np.int64), (places - before)[:, None]


def torch_sample(F: Any, x: Any, grid: Any) -> Any:
    """Return the values of x `(N, C, H, W)` at places `(N, H, W, 2)` with PyTorch.

    The grid gives column and row as PyTorch counts them, −1 and 1 being the outer edges of the image.
    """
    return F.grid_sample(x, grid, align_corners=False)
