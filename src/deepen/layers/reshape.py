"""Layers that rearrange numbers without changing them."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.paths import Shape, Tree
from deepen.spec import Layer, Reach


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


@register
@dataclass(frozen=True)
class ZeroPadding2D(Layer):
    """Put zeros around maps: `(N, C, H, W)` → `(N, C, top + H + bottom, left + W + right)`; dx is dy without them.

    `padding` is a number, one each for height and width, or `((top, bottom), (left, right))`.

    Raises:
        DeepenError: the padding is none of these.
        ShapeError: the input is no maps.
    """

    padding: int | Pair | tuple[Pair, Pair]

    kind: ClassVar[str] = "padding"

    def __post_init__(self) -> None:
        value = self.padding
        axes = value if isinstance(value, (tuple, list)) else (value, value)
        both = [tuple(axis) if isinstance(axis, (tuple, list)) else (axis, axis) for axis in axes]
        try:
            numbers = tuple(tuple(map(operator.index, axis)) for axis in both)
        except TypeError:
            numbers = ()
        if [len(axis) for axis in numbers] != [2, 2] or min(map(min, numbers)) < 0:
            raise DeepenError(
                "ZeroPadding2D: padding must be a whole number, 0 or more, a pair of them, or "
                f"((top, bottom), (left, right)), got {value!r}"
            )
        self.set_field("padding", numbers)

    @property
    def sides(self) -> tuple[Pair, Pair]:
        """The padding as `((top, bottom), (left, right))`."""
        return cast("tuple[Pair, Pair]", self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, h, w = checks.maps(self, input_shape)
        rows, columns = self.sides
        return channels, h + sum(rows), w + sum(columns)

    def reach(self, input_shape: Shape) -> Reach:
        (top, _), (left, _) = self.sides
        return Reach(before=(top, left))

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, None]:
        """Return y; nothing has to be kept."""
        return np.pad(x, ((0, 0), (0, 0), *self.sides)), None

    def backward(self, dy: Array, params: Tree, cache: None) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient inside the padding."""
        (top, bottom), (left, right) = self.sides
        return dy[:, :, top : dy.shape[2] - bottom, left : dy.shape[3] - right], {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, which wants the last axis first."""
        rows, columns = self.sides
        return F.pad(x, (*columns, *rows))


@register
@dataclass(frozen=True)
class ChannelPadding(Layer):
    """Put maps of zeros behind the maps: `(N, C, H, W)` → `(N, channels, H, W)`; dx is dy without them.

    Raises:
        DeepenError: the number of channels is not a whole number above 0.
        ShapeError: the input is no maps, or has more channels than that.

    Source: He et al., "Deep residual learning for image recognition", 2015, section 3.3: shortcuts of option A.
    """

    channels: int

    kind: ClassVar[str] = "padding"

    def __post_init__(self) -> None:
        checks.whole(self, "channels")

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, h, w = checks.maps(self, input_shape)
        if channels > self.channels:
            raise self.misfit(
                f"pads to {self.channels} channels, but {input_shape} has {channels} already; pad to more"
            )
        return self.channels, h, w

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, int]:
        """Return y, and the number of channels of x as the cache."""
        return np.pad(x, ((0, 0), (0, self.channels - x.shape[1]), (0, 0), (0, 0))), x.shape[1]

    def backward(self, dy: Array, params: Tree, cache: int) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient of the maps that were there."""
        return dy[:, :cache], {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, which wants the last axis first."""
        return F.pad(x, (0, 0, 0, 0, 0, self.channels - x.shape[1]))
