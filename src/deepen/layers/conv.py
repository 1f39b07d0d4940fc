"""Convolution in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.initializers import Zeros, initializer
from deepen.layers import checks
from deepen.layers.activation import activation
from deepen.layers.checks import Pair
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Initializer, Layer, Param

BLOCK_BYTES = 2**21
"""Columns are made for a few images at a time, so that they are multiplied while still in cache."""


@register
@dataclass(frozen=True)
class Conv2D(Layer):
    """Cross-correlate maps with learned kernels: what deep learning calls convolution.

    `y[n,f,i,j] = b[f] + Σ(c,u,v) x[n, c, i·s+u−p, j·s+v−p] · k[f,c,u,v]`, then the activation.

    Shapes: x `(N, C, H, W)`, kernel `(filters, C, KH, KW)`, bias `(filters,)`, y `(N, filters, OH, OW)` with
    OH = ⌊(H + 2p − KH) / s⌋ + 1. "same" padding gives OH = ⌈H / s⌉, "valid" pads nothing.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is no maps, or the kernel does not fit into it.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.A.
    """

    filters: int
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: Padding = 0
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "he_normal"

    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        checks.whole(self, "filters")
        checks.pair(self, "kernel_size")
        checks.pair(self, "stride")
        check_padding(self)
        activation(self.activation)
        self.set_field("kernel_initializer", initializer(self.kernel_initializer))

    @property
    def window(self) -> Pair:
        """Height and width of the kernel."""
        return cast(Pair, self.kernel_size)

    def output_shape(self, input_shape: Shape) -> Shape:
        _, h, w = checks.maps(self, input_shape)
        return (self.filters, *Windows.over(self, h, w).count)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        kernel = (self.filters, input_shape[0], *self.window)
        found = {"kernel": Param(kernel, cast(Initializer, self.kernel_initializer))}
        if self.use_bias:
            found["bias"] = Param((self.filters,), Zeros(), decay=False)
        return found

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Multiply the windows, written out as rows, by the kernels, written out as columns."""
        windows = Windows.over(self, *x.shape[2:])
        kernel = _as_matrix(params["kernel"])
        z = np.empty((len(x), *windows.count, self.filters), x.dtype)
        for block in _blocks(len(x), z[:1].size // self.filters * kernel.shape[0] * x.itemsize):
            columns = windows.im2col(windows.pad(x[block]))
            np.matmul(columns, kernel, out=z[block].reshape(-1, self.filters))
        if self.use_bias:
            z += params["bias"]
        y = z.transpose(0, 3, 1, 2)
        f = activation(self.activation)
        if f is not None:
            y = f.value(y)
        return y, (x, y)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return `dk = columnsᵀ · dz`, `db = Σ dz`, and dx: the rows `dz · kᵀ` added back to their windows."""
        x, y = cache
        f = activation(self.activation)
        dz = dy if f is None else f.gradient(dy, y)
        # (N, OH, OW, filters), contiguous: one row for each window.
        rows = np.ascontiguousarray(dz.transpose(0, 2, 3, 1))
        windows = Windows.over(self, *x.shape[2:])
        kernel = _as_matrix(params["kernel"])
        dkernel = np.zeros_like(kernel)
        dx = np.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype).transpose(0, 3, 1, 2)
        for block in _blocks(len(x), rows[:1].size // self.filters * kernel.shape[0] * x.itemsize):
            dz_rows = rows[block].reshape(-1, self.filters)
            # The columns are made again rather than kept: they are nine times the input for a 3×3 kernel.
            padded = windows.pad(x[block])
            dkernel += windows.im2col(padded).T @ dz_rows
            dx[block] = windows.crop(windows.col2im(dz_rows @ kernel.T, padded.shape))
        gradients = {"kernel": _from_matrix(dkernel, params["kernel"].shape)}
        if self.use_bias:
            gradients["bias"] = rows.sum(axis=(0, 1, 2))
        return dx, gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch; what torch cannot pad by itself (an odd "same") is padded before."""
        windows = Windows.over(self, *x.shape[2:])
        if not windows.symmetric:
            x = F.pad(x, windows.torch_pads())
        bias = params["bias"] if self.use_bias else None
        pads = windows.before if windows.symmetric else 0
        y = F.conv2d(x, params["kernel"], bias, windows.stride, pads)
        f = activation(self.activation)
        return y if f is None else f.torch_value(F, y, overwrite=True)


def _as_matrix(kernel: Array) -> Array:
    """`(filters, C, KH, KW)` → `(KH·KW·C, filters)`, in the order of `Windows.im2col`."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(-1, len(kernel))


def _from_matrix(matrix: Array, shape: Shape) -> Array:
    """Undo `_as_matrix`."""
    filters, channels, height, width = shape
    split = matrix.reshape(height, width, channels, filters)
    return np.ascontiguousarray(split.transpose(3, 2, 0, 1))


def _blocks(images: int, bytes_per_image: int) -> list[slice]:
    size = max(1, BLOCK_BYTES // max(1, bytes_per_image))
    return [slice(start, start + size) for start in range(0, images, size)]
