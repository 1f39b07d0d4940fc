"""Convolution in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.initializers import Zeros, initializer
from deepen.layers import checks
from deepen.layers.activation import activation
from deepen.layers.blocks import over_blocks
from deepen.layers.checks import Pair
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Initializer, Layer, Param


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
        kernel, f = _as_matrix(params["kernel"]), activation(self.activation)
        # Channels last in memory, as the product gives them.
        y = np.empty((len(x), *windows.count, self.filters), x.dtype).transpose(0, 3, 1, 2)

        def block(images: slice) -> None:
            z = _correlate(windows, x[images], kernel)
            if self.use_bias:
                z += params["bias"][:, None, None]
            y[images] = z if f is None else f.value(z)

        over_blocks(block, len(x), self._row_bytes(x, windows))
        return y, (x, y)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return `dk = columnsᵀ · dz`, `db = Σ dz`, and dx: the rows `dz · kᵀ` added back to their windows.

        With stride 1, dx is also a correlation: of dz with the kernels turned by 180° and their channels
        swapped, padded by size − 1 − p. That writes each number once, where adding back writes it size² times.
        """
        x, y = cache
        windows = Windows.over(self, *x.shape[2:])
        kernel, f = _as_matrix(params["kernel"]), activation(self.activation)
        dx = np.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype).transpose(0, 3, 1, 2)
        # For a single channel there is little to add back, and turning would cost more.
        back = windows.turned(*x.shape[2:]) if x.shape[1] > 1 else None
        turned = _as_matrix(params["kernel"][:, :, ::-1, ::-1].transpose(1, 0, 2, 3))

        def block(images: slice) -> tuple[Array, Array]:
            dz = dy[images] if f is None else f.gradient(dy[images], y[images])
            rows = np.ascontiguousarray(dz.transpose(0, 2, 3, 1)).reshape(-1, self.filters)
            # The columns are made again rather than kept: they are nine times the input for a 3×3 kernel.
            padded = windows.pad(x[images])
            if back is not None:
                dx[images] = _correlate(back, dz, turned)
            else:
                dx[images] = windows.crop(windows.col2im(rows @ kernel.T, padded.shape))
            return windows.im2col(padded).T @ rows, rows.sum(axis=0)

        parts = over_blocks(block, len(x), self._row_bytes(x, windows))
        gradients: dict[str, Any] = {
            "kernel": _from_matrix(sum(dk for dk, _ in parts), params["kernel"].shape),
        }
        if self.use_bias:
            gradients["bias"] = sum(db for _, db in parts)
        return dx, gradients

    def _row_bytes(self, x: Array, windows: Windows) -> int:
        """Return how much memory the windows of one image take, written out as rows."""
        return int(x.itemsize * x.shape[1] * prod(windows.count) * prod(windows.size))

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


def _correlate(windows: Windows, x: Array, kernel: Array) -> Array:
    """Multiply the windows of maps by kernels as a matrix: `(N, C, H, W)` → `(N, filters, OH, OW)`."""
    rows = windows.im2col(windows.pad(x)) @ kernel
    return rows.reshape(len(x), *windows.count, -1).transpose(0, 3, 1, 2)


def _as_matrix(kernel: Array) -> Array:
    """`(filters, C, KH, KW)` → `(KH·KW·C, filters)`, in the order of `Windows.im2col`."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(-1, len(kernel))


def _from_matrix(matrix: Any, shape: Shape) -> Array:
    """Undo `_as_matrix`."""
    filters, channels, height, width = shape
    split = matrix.reshape(height, width, channels, filters)
    return np.ascontiguousarray(split.transpose(3, 2, 0, 1))
