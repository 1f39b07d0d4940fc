"""Windows that slide over maps: the size and padding arithmetic that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from deepen.arrays import Array
from deepen.errors import DeepenError
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.paths import Shape
from deepen.spec import Layer, Reach

Padding = int | Pair | str


def check_padding(layer: Layer) -> None:
    """Make sure that a layer's `padding` is "same", "valid", a whole number or a pair of them."""
    value = layer.padding  # type: ignore[attr-defined]
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise DeepenError(
                f'{type(layer).__name__}: padding must be "same", "valid", a whole number or a pair, got {value!r}'
            )
        return
    checks.pair(layer, "padding", least=0)


@dataclass(frozen=True)
class Windows:
    """Where windows of a given size and stride lie on maps of H×W pixels, and the padding around these."""

    size: Pair
    stride: Pair
    dilation: Pair
    """How far neighbouring positions of a window lie apart."""
    before: Pair
    """Rows above and columns left of the maps."""
    after: Pair
    """Rows below and columns right of them."""
    count: Pair
    """Output height and width: ⌊(H + padding − extent) / stride⌋ + 1, or one more with `ceil_mode`."""

    @classmethod
    def over(cls, layer: Layer, height: int, width: int) -> Windows:
        """Lay the windows of `layer` (its `window`, `stride`, `padding`) over maps of this size.

        "valid" pads nothing. "same" pads so that ⌈size of the input / stride⌉ windows fit, the odd row or
        column below and right. A layer may also have a `dilation` and a `ceil_mode`: then a last window that
        reaches beyond the padding counts too, if it begins in the maps or in the padding before them.

        Raises:
            ShapeError: not even one window fits.
        """
        size: Pair = layer.window  # type: ignore[attr-defined]
        stride: Pair = layer.stride  # type: ignore[attr-defined]
        padding: Padding = layer.padding  # type: ignore[attr-defined]
        dilation: Pair = getattr(layer, "dilation", (1, 1))
        ceil_mode: bool = getattr(layer, "ceil_mode", False)
        extent = _extent(size, dilation)
        axes = []
        for axis, length in enumerate((height, width)):
            before, after = _pad(padding, axis, length, extent[axis], stride[axis])
            room = length + before + after - extent[axis]
            count = room // stride[axis] + 1
            if ceil_mode and room % stride[axis] and count * stride[axis] < length + before:
                after += count * stride[axis] - room
                count += 1
            axes.append((before, after, count))
        (top, bottom, rows), (left, right, columns) = axes
        if min(rows, columns) < 1:
            dilated = "" if extent == size else f" (dilated to {extent[0]}×{extent[1]})"
            raise layer.misfit(
                f"cannot fit its {size[0]}×{size[1]} window{dilated} into {height}×{width} maps with padding "
                f'{padding!r}; pad more (padding="same"), or use a smaller window or fewer poolings before it'
            )
        return cls(size, stride, dilation, (top, left), (bottom, right), (rows, columns))

    @classmethod
    def reach(cls, layer: Layer, input_shape: Shape) -> Reach:
        """Return what one position of the layer's output sees of its input."""
        windows = cls.over(layer, *input_shape[1:])
        return Reach(windows.extent, windows.stride, windows.before)

    @property
    def extent(self) -> Pair:
        """Height and width that a window reaches over: (size − 1) · dilation + 1."""
        return _extent(self.size, self.dilation)

    @property
    def symmetric(self) -> bool:
        """Whether the padding is the same on both sides."""
        return self.before == self.after

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Return the maps `(N, C, H, W)` with the padding around them; the maps themselves without any."""
        if self.before == self.after == (0, 0):
            return x
        n, c, h, w = x.shape
        (top, left), (bottom, right) = self.before, self.after
        # Channels last in memory, as the convolutions leave it.
        memory = np.full((n, top + h + bottom, left + w + right, c), value, x.dtype)
        padded = memory.transpose(0, 3, 1, 2)
        padded[:, :, top : top + h, left : left + w] = x
        return padded

    def crop(self, padded: Array) -> Array:
        """Undo `pad`: return the view of the maps inside their padding."""
        (top, left), (bottom, right) = self.before, self.after
        return padded[:, :, top : padded.shape[2] - bottom, left : padded.shape[3] - right]

    def turned(self, height: int, width: int) -> Windows | None:
        """Return the windows through which outputs reach back to maps of H×W pixels, if these are windows too.

        They are where the stride is 1: extent − 1 − p outputs further out on each side may touch a pixel.
        """
        (eh, ew), (top, left), (bottom, right) = self.extent, self.before, self.after
        before, after = (eh - 1 - top, ew - 1 - left), (eh - 1 - bottom, ew - 1 - right)
        if self.stride != (1, 1) or min(*before, *after) < 0:
            return None
        return Windows(self.size, (1, 1), self.dilation, before, after, (height, width))

    def torch_pads(self) -> tuple[int, int, int, int]:
        """Return the padding in the order of `torch.nn.functional.pad`: left, right, top, bottom."""
        return self.before[1], self.after[1], self.before[0], self.after[0]

    def offsets(self) -> Iterator[tuple[int, Any]]:
        """Yield each position in a window with the slice of padded maps that lies there in all windows."""
        (kh, kw), (sh, sw), (dh, dw), (rows, columns) = self.size, self.stride, self.dilation, self.count
        for i in range(kh):
            for j in range(kw):
                top, left = i * dh, j * dw
                here = np.s_[:, :, top : top + sh * rows : sh, left : left + sw * columns : sw]
                yield i * kw + j, here

    def im2col(self, padded: Array) -> Array:
        """Write every window of padded maps out as a row: `(N, C, H, W)` → `(N·OH·OW, KH·KW·C)`."""
        x = np.ascontiguousarray(padded.transpose(0, 2, 3, 1))
        n, h, w, c = x.shape
        (kh, kw), (sh, sw), (dh, dw), (rows, columns) = self.size, self.stride, self.dilation, self.count
        # Not x.strides: NumPy leaves those of an axis of length 1 undefined.
        channel = x.itemsize
        column, row, image = c * channel, w * c * channel, h * w * c * channel
        # Without dilation, a window's row of pixels is one run of KW·C numbers in memory.
        views = as_strided(
            x,
            (n, rows, columns, kh, kw, c),
            (image, sh * row, sw * column, dh * row, dw * column, channel),
            writeable=False,
        )
        return views.reshape(n * rows * columns, kh * kw * c)

    def col2im(self, columns: Array, shape: tuple[int, ...]) -> Array:
        """Add every row of windows back where it came from: the transpose of `im2col`.

        Pixels under several windows receive the sum. `shape` is that of the padded maps `(N, C, H, W)`.
        """
        n, c, h, w = shape
        x = np.zeros((n, h, w, c), columns.dtype).transpose(0, 3, 1, 2)
        windows = columns.reshape(n, *self.count, -1, c).transpose(3, 0, 4, 1, 2)
        for offset, here in self.offsets():
            x[here] += windows[offset]
        return x


def _extent(size: Pair, dilation: Pair) -> Pair:
    return (size[0] - 1) * dilation[0] + 1, (size[1] - 1) * dilation[1] + 1


def _pad(padding: Padding, axis: int, length: int, extent: int, stride: int) -> Pair:
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((-(-length // stride) - 1) * stride + extent - length, 0)
        return total // 2, total - total // 2
    assert isinstance(padding, tuple)
    return padding[axis], padding[axis]
