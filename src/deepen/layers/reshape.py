"""Layers that rearrange numbers without changing them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@register
@dataclass(frozen=True)
class Flatten(Layer):
    """Lay out each example as one row, channel by channel: `(N, C, H, W)` → `(N, C·H·W)`."""

    kind: ClassVar[str] = "flatten"

    def output_shape(self, input_shape: Shape) -> Shape:
        return (prod(input_shape),)

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Shape]:
        """Return y, and the shape of x as the cache."""
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, params: Tree, cache: Shape) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient in the shape of x."""
        return dy.reshape(cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return x.flatten(1)
