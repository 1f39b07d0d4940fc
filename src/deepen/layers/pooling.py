"""Pooling: a window of each map becomes its maximum or its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@dataclass(frozen=True)
class Pooling2D(Layer):
    """Base of the poolings: `(N, C, H, W)` → `(N, C, OH, OW)`, OH = ⌊(H + 2p − KH) / s⌋ + 1."""

    pool_size: int | Pair = 2
    stride: int | Pair | None = None
    """The size of the window where it is not given."""
    padding: Padding = 0

    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        checks.pair(self, "pool_size")
        if self.stride is None:
            self.set_field("stride", self.pool_size)
        checks.pair(self, "stride")
        check_padding(self)

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


@register
@dataclass(frozen=True)
class MaxPooling2D(Pooling2D):
    """Take each window's maximum: `y[n,c,i,j] = max(u,v) x[n, c, i·s+u−p, j·s+v−p]`.

    Padding is −∞, so it never wins. The gradient goes to the maximum alone, to the first one (row by row)
    where there are several; where windows overlap, gradients add up.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.

    Source: Ranzato et al., "Unsupervised learning of invariant feature hierarchies", 2007, section 2.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Run over the positions of a window, keeping the best value so far and where it was."""
        windows = Windows.over(self, *x.shape[2:])
        padded = windows.pad(x, -np.inf)
        positions = windows.offsets()
        _, here = next(positions)
        y = padded[here].copy(order="K")
        where = np.zeros_like(y, dtype=np.min_scalar_type(windows.size[0] * windows.size[1]))
        for position, here in positions:
            # Positions only grow, so the last one that was better stays; faster than writing through a mask.
            better = (padded[here] > y).view(np.uint8)
            np.maximum(where, better * where.dtype.type(position), out=where)
            np.maximum(y, padded[here], out=y)
        return y, (windows, where, x.shape)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Send each gradient to the pixel that was the maximum."""
        windows, where, shape = cache
        dx = windows.pad(np.zeros_like(dy, shape=shape))
        for position, here in windows.offsets():
            dx[here] += dy * (where == position)
        return windows.crop(dx), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, whose own padding must be the same on both sides, half the window at most."""
        windows = Windows.over(self, *x.shape[2:])
        pads: Pair = windows.before
        if not windows.symmetric or any(2 * p > k for p, k in zip(pads, windows.size, strict=True)):
            x, pads = F.pad(x, windows.torch_pads(), value=float("-inf")), (0, 0)
        return F.max_pool2d(x, windows.size, windows.stride, pads)


@register
@dataclass(frozen=True)
class AveragePooling2D(Pooling2D):
    """Take each window's mean over the real pixels in it; padding is not counted.

    `y[n,c,i,j] = Σ(u,v) x[n, c, i·s+u−p, j·s+v−p] / m[i,j]`, m the number of pixels under the window;
    each of them receives `dy[n,c,i,j] / m[i,j]`.

    Raises:
        ShapeError: the input is no maps, the window does not fit, or it may lie in the padding altogether.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Add up the positions of a window and divide by the number of pixels."""
        windows = Windows.over(self, *x.shape[2:])
        padded = windows.pad(x)
        share = _share(windows, x.shape).astype(x.dtype)
        total = sum(padded[here] for _, here in windows.offsets())
        return total * share, (windows, share, x.shape)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Give each pixel of a window its share of the gradient."""
        windows, share, shape = cache
        dx = windows.pad(np.zeros_like(dy, shape=shape))
        each = dy * share
        for _, here in windows.offsets():
            dx[here] += each
        return windows.crop(dx), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute the sums with PyTorch and divide them by the number of pixels."""
        windows = Windows.over(self, *x.shape[2:])
        share = x.new_tensor(_share(windows, tuple(x.shape)))
        padded = F.pad(x, windows.torch_pads())
        return F.avg_pool2d(padded, windows.size, windows.stride, divisor_override=1) * share


def _share(windows: Windows, shape: tuple[int, ...]) -> Array:
    """Return 1 / (number of real pixels) of each window, of shape `(1, 1, OH, OW)`."""
    real = windows.pad(np.ones((1, 1, *shape[2:])))
    pixels: Array = sum(real[here] for _, here in windows.offsets())
    return 1 / pixels
