"""Pooling: a window of each map becomes its maximum, its minimum, its sum or its mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Layer, Reach


@dataclass(frozen=True)
class Pooling2D(Layer):
    """Base of the poolings: `(N, C, H, W)` → `(N, C, OH, OW)`, OH = ⌊(H + 2p − KH) / s⌋ + 1.

    With `ceil_mode` it is ⌈(H + 2p − KH) / s⌉ + 1: what is left over below and right gets a window of its own,
    if that begins in the maps or in the padding before them; beyond the padding it holds no pixels.
    """

    pool_size: int | Pair = 2
    stride: int | Pair | None = None
    """The size of the window where it is not given."""
    padding: Padding = 0
    ceil_mode: bool = False

    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        checks.pair(self, "pool_size")
        if self.stride is None:
            self.set_field("stride", self.pool_size)
        checks.pair(self, "stride")
        check_padding(self)
        checks.flag(self, "ceil_mode")

    @property
    def window(self) -> Pair:
        """Height and width of the window."""
        return cast(Pair, self.pool_size)

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, h, w = checks.maps(self, input_shape)
        windows = Windows.over(self, h, w)
        if any(pad >= size for pad, size in zip(windows.before, windows.size, strict=True)):
            raise self.misfit(
                f"pads by {self.padding!r}, so that a window of {windows.size} may hold no pixel at all; "
                "pad by less than the window's size"
            )
        return (channels, *windows.count)

    def reach(self, input_shape: Shape) -> Reach:
        return Windows.reach(self, input_shape)

    def torch_can_pad(self, windows: Windows) -> bool:
        """Return whether PyTorch can pad by itself: both sides alike, half the window at most."""
        alike = windows.symmetric or self.padding != "same"
        return alike and all(2 * p <= k for p, k in zip(windows.before, windows.size, strict=True))

    def torch_pool(self, F: Any, pool: Any, x: Any, value: float = 0.0, **options: Any) -> Any:
        """Apply one of PyTorch's poolings; what it cannot pad by itself is padded before, with `value`."""
        windows = Windows.over(self, *x.shape[2:])
        if self.torch_can_pad(windows):
            return pool(x, windows.size, windows.stride, windows.before, ceil_mode=self.ceil_mode, **options)
        padded = F.pad(x, windows.torch_pads(), value=value)
        return pool(padded, windows.size, windows.stride, **options)


@register
@dataclass(frozen=True)
class MaxPooling2D(Pooling2D):
    """Take each window's maximum: `y[n,c,i,j] = max(u,v) x[n, c, i·s+u−p, j·s+v−p]`.

    Padding is −∞, so it never wins. The gradient goes to the maximum alone, to the first one (row by row)
    where there are several; where windows overlap, gradients add up.

    Shapes: x `(N, C, H, W)`, y `(N, C, OH, OW)` as in `Pooling2D`.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.

    Source: Ranzato et al., "Unsupervised learning of invariant feature hierarchies", 2007, section 2.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return the maxima, and where they were as the cache."""
        return _maxima(Windows.over(self, *x.shape[2:]), x)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Send each gradient to the pixel that was the maximum."""
        return _to_the_winners(dy, cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return self.torch_pool(F, F.max_pool2d, x, -inf)


@register
@dataclass(frozen=True)
class MinPooling2D(Pooling2D):
    """Take each window's minimum, `min x = −max(−x)`; the gradient goes to the first minimum alone.

    Padding is +∞, so it never wins; where windows overlap, gradients add up.

    Shapes: x `(N, C, H, W)`, y `(N, C, OH, OW)` as in `Pooling2D`.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return the minima, and where they were as the cache."""
        y, cache = _maxima(Windows.over(self, *x.shape[2:]), -x)
        return -y, cache

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Send each gradient to the pixel that was the minimum; the two signs cancel."""
        return _to_the_winners(dy, cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return -self.torch_pool(F, F.max_pool2d, -x, -inf)


def _maxima(windows: Windows, x: Array) -> tuple[Array, tuple[Windows, Array, Shape]]:
    """Run over the positions of a window, keeping the best value so far and where it was."""
    padded = windows.pad(x, -inf)
    positions = windows.offsets()
    _, here = next(positions)
    y: Array = padded[here].copy(order="K")
    where = np.zeros_like(y, dtype=np.min_scalar_type(windows.size[0] * windows.size[1]))
    for position, here in positions:
        # Positions only grow, so the last one that was better stays; faster than writing through a mask.
        better = (padded[here] > y).view(np.uint8)
        np.maximum(where, better * where.dtype.type(position), out=where)
        np.maximum(y, padded[here], out=y)
    return y, (windows, where, x.shape)


def _to_the_winners(dy: Array, cache: tuple[Windows, Array, Shape]) -> Array:
    """Return dx: each gradient at the pixel whose value was taken."""
    windows, where, shape = cache
    dx = windows.pad(np.zeros_like(dy, shape=shape))
    for position, here in windows.offsets():
        dx[here] += dy * (where == position)
    return windows.crop(dx)


@register
@dataclass(frozen=True)
class SumPooling2D(Pooling2D):
    """Add up each window: `y[n,c,i,j] = Σ(u,v) x[n, c, i·s+u−p, j·s+v−p]`; each pixel receives `dy[n,c,i,j]`.

    Shapes: x `(N, C, H, W)`, y `(N, C, OH, OW)` as in `Pooling2D`.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return the sums, and the windows as the cache."""
        windows = Windows.over(self, *x.shape[2:])
        return _sums(windows, x), (windows, x.shape)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Give each pixel of a window the gradient of its sum."""
        windows, shape = cache
        return _to_all(windows, dy, shape), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return self.torch_pool(F, F.avg_pool2d, x, divisor_override=1)


@register
@dataclass(frozen=True)
class AveragePooling2D(Pooling2D):
    """Take each window's mean over the real pixels in it; padding is not counted.

    `y[n,c,i,j] = Σ(u,v) x[n, c, i·s+u−p, j·s+v−p] / m[i,j]`, m the number of pixels under the window;
    each of them receives `dy[n,c,i,j] / m[i,j]`.

    Shapes: x `(N, C, H, W)`, y `(N, C, OH, OW)` as in `Pooling2D`.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return the sums over the numbers of pixels, and the shares of a pixel as the cache."""
        windows = Windows.over(self, *x.shape[2:])
        share = (1 / _sums(windows, np.ones((1, 1, *x.shape[2:])))).astype(x.dtype)
        return _sums(windows, x) * share, (windows, share, x.shape)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Give each pixel of a window its share of the gradient."""
        windows, share, shape = cache
        return _to_all(windows, dy * share, shape), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        y = self.torch_pool(F, F.avg_pool2d, x, count_include_pad=False)
        if self.torch_can_pad(Windows.over(self, *x.shape[2:])):
            return y
        # What was padded before has been counted: the mean of ones is the share of real pixels.
        return y / self.torch_pool(F, F.avg_pool2d, x.new_ones(1, 1, *x.shape[2:]))


def _sums(windows: Windows, x: Array) -> Array:
    """Add up the positions of each window."""
    padded = windows.pad(x)
    total: Array = sum(padded[here] for _, here in windows.offsets())
    return total


def _to_all(windows: Windows, dy: Array, shape: Shape) -> Array:
    """Return dx of that shape: each gradient at all pixels of its window."""
    dx = windows.pad(np.zeros_like(dy, shape=shape))
    for _, here in windows.offsets():
        dx[here] += dy
    return windows.crop(dx)
