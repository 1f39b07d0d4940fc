"""Global pooling: each whole map becomes one number, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@dataclass(frozen=True)
class GlobalPooling2D(Layer):
    """Base of the global poolings: `(N, C, H, W)` → `(N, C)`."""

    kind: ClassVar[str] = "pool"

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, _, _ = checks.maps(self, input_shape)
        return (channels,)


@register
@dataclass(frozen=True)
class GlobalAveragePooling2D(GlobalPooling2D):
    """Take each map's mean: `y[n,c] = Σ(i,j) x[n,c,i,j] / (H·W)`; every pixel receives `dy[n,c] / (H·W)`.

    Shapes: x `(N, C, H, W)`, y `(N, C)`.

    Raises:
        ShapeError: the input is no maps.

    Source: Lin et al., "Network in network", 2014, section 3.2.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Shape]:
        """Return the means, and the shape of x as the cache."""
        return x.mean(axis=(2, 3)), x.shape

    def backward(self, dy: Array, params: Tree, cache: Shape) -> tuple[Array, dict[str, Any]]:
        """Return dx: each gradient, shared out evenly."""
        each = dy[:, :, None, None] / prod(cache[2:])
        return np.broadcast_to(each, cache).copy(), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return x.mean((2, 3))


@register
@dataclass(frozen=True)
class GlobalMaxPooling2D(GlobalPooling2D):
    """Take each map's maximum, `y[n,c] = max(i,j) x[n,c,i,j]`; the gradient goes to the first maximum alone.

    Shapes: x `(N, C, H, W)`, y `(N, C)`.

    Raises:
        ShapeError: the input is no maps.

    Source: Oquab et al., "Is object localization for free?", 2015, section 3.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return the maxima, and where they were as the cache."""
        pixels = x.reshape(*x.shape[:2], -1)
        where = pixels.argmax(axis=2, keepdims=True)
        return np.take_along_axis(pixels, where, axis=2)[:, :, 0], (where, x.shape)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Send each gradient to the pixel that was the maximum."""
        where, shape = cache
        dx = np.zeros((*shape[:2], prod(shape[2:])), dy.dtype)
        np.put_along_axis(dx, where, dy[:, :, None], axis=2)
        return dx.reshape(shape), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return F.adaptive_max_pool2d(x, 1).flatten(1)
