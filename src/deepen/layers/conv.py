"""Convolution in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.layers import checks
from deepen.layers.activity import penalize, with_penalty
from deepen.layers.blocks import over_blocks
from deepen.layers.checks import Pair
from deepen.layers.kernel import KernelLayer
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Param, Reach


@register
@dataclass(frozen=True)
class Conv2D(KernelLayer):
    """Cross-correlate maps with learned kernels: what deep learning calls convolution.

    `y[n,f,i,j] = b[f] + Σ(c,u,v) x[n, c, i·s+u·d−p, j·s+v·d−p] · k[f,c,u,v]`, then the activation.

    Backward: with dz the gradient before the activation, `db[f] = Σ(n,i,j) dz[n,f,i,j]`,
    `dk[f,c,u,v] = Σ(n,i,j) dz[n,f,i,j] · x[n, c, i·s+u·d−p, j·s+v·d−p]`, and dx gets
    `dz[n,f,i,j] · k[f,c,u,v]` at each place that was read.

    The dilation d spreads the kernel over (KH − 1)·d + 1 rows. With `groups` G, channels and filters are
    divided into G parts in their order, and each filter sees the channels of its own part; as many groups as
    channels make a depthwise convolution.

    Shapes: x `(N, C, H, W)`, kernel `(filters, C/G, KH, KW)`, bias `(filters,)`, y `(N, filters, OH, OW)` with
    OH = ⌊(H + 2p − (KH − 1)·d − 1) / s⌋ + 1. "same" padding gives OH = ⌈H / s⌉, "valid" pads nothing.

    Raises:
        DeepenError: a field is out of range, or the groups do not divide the filters.
        ShapeError: the input is no maps, the kernel does not fit into it, or the groups do not divide its
            channels.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.A; for
    groups Krizhevsky et al., 2012, section 3.5, for dilation Yu and Koltun, 2016, section 2.
    """

    filters: int
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: Padding = 0
    activation: str | None = None
    dilation: int | Pair = 1
    groups: int = 1

    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole(self, "filters")
        checks.pair(self, "kernel_size")
        checks.pair(self, "stride")
        check_padding(self)
        checks.pair(self, "dilation")
        checks.whole(self, "groups")
        if self.filters % self.groups:
            raise DeepenError(
                f"Conv2D: {self.groups} groups cannot share {self.filters} filters evenly; "
                "give a number of filters that the groups divide"
            )

    @property
    def window(self) -> Pair:
        """Height and width of the kernel."""
        return cast(Pair, self.kernel_size)

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, h, w = checks.maps(self, input_shape)
        if channels % self.groups:
            raise self.misfit(
                f"cannot divide {channels} channels into {self.groups} groups; choose groups that divide the "
                "channels, or another number of filters in the layer before"
            )
        return (self.filters, *Windows.over(self, h, w).count)

    def reach(self, input_shape: Shape) -> Reach:
        return Windows.reach(self, input_shape)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        return self.kernel_params((self.filters, input_shape[0] // self.groups, *self.window), self.filters)

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Multiply the windows, written out as rows, by the kernels, written out as columns."""
        windows = Windows.over(self, *x.shape[2:])
        kernels = [_as_matrix(kernel) for kernel in np.split(params["kernel"], self.groups)]
        f = self.function
        # Channels last in memory, as the product gives them.
        y = np.empty((len(x), *windows.count, self.filters), x.dtype).transpose(0, 3, 1, 2)
        kept = np.empty_like(y) if f.keeps_input else y

        def block(images: slice) -> None:
            z = _correlate(windows, x[images], kernels)
            if self.use_bias:
                z += params["bias"][:, None, None]
            y[images] = f.value(z)
            if kept is not y:
                kept[images] = z

        over_blocks(block, len(x), self._row_bytes(x, windows))
        return y, (x, kept, penalize(self.activity_regularizer, y, ctx))

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return `dk = columnsᵀ · dz`, `db = Σ dz`, and dx: the rows `dz · kᵀ` added back to their windows.

        With stride 1, dx is also a correlation: of dz with the kernels turned by 180° and their channels
        swapped, padded by size − 1 − p. That writes each number once, where adding back writes it size² times.
        """
        x, kept, penalized = cache
        dy = with_penalty(self.activity_regularizer, dy, penalized)
        windows = Windows.over(self, *x.shape[2:])
        kernels, f = np.split(params["kernel"], self.groups), self.function
        matrices = [_as_matrix(kernel) for kernel in kernels]
        dx = np.empty((len(x), *x.shape[2:], x.shape[1]), x.dtype).transpose(0, 3, 1, 2)
        # For a single channel there is little to add back, and turning would cost more.
        back = windows.turned(*x.shape[2:]) if params["kernel"].shape[1] > 1 else None
        turned = [_as_matrix(kernel[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)) for kernel in kernels]

        def block(images: slice) -> tuple[Array, Array]:
            dz = f.gradient(dy[images], kept[images])
            rows = np.ascontiguousarray(dz.transpose(0, 2, 3, 1)).reshape(-1, self.filters)
            # The columns are made again rather than kept: they are nine times the input for a 3×3 kernel.
            padded = np.split(windows.pad(x[images]), self.groups, axis=1)
            groups = list(zip(padded, np.split(rows, self.groups, axis=1), matrices, strict=True))
            if back is not None:
                dx[images] = _correlate(back, dz, turned)
            else:
                added = [windows.col2im(part @ matrix.T, maps.shape) for maps, part, matrix in groups]
                dx[images] = windows.crop(_beside(added))
            return _beside([windows.im2col(maps).T @ part for maps, part, _ in groups]), rows.sum(axis=0)

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
        z = F.conv2d(x, params["kernel"], bias, windows.stride, pads, windows.dilation, self.groups)
        y = self.function.torch_value(F, z, overwrite=True)
        penalize(self.activity_regularizer, y, ctx)
        return y


def _correlate(windows: Windows, x: Array, kernels: list[Array]) -> Array:
    """Multiply the windows of each group of maps by its kernels: `(N, C, H, W)` → `(N, filters, OH, OW)`."""
    groups = np.split(windows.pad(x), len(kernels), axis=1)
    rows = _beside([windows.im2col(maps) @ kernel for maps, kernel in zip(groups, kernels, strict=True)])
    return rows.reshape(len(x), *windows.count, -1).transpose(0, 3, 1, 2)


def _beside(parts: list[Array]) -> Array:
    """Put the results of the groups side by side, along axis 1; a single one needs no copy."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _as_matrix(kernel: Array) -> Array:
    """`(filters, C, KH, KW)` → `(KH·KW·C, filters)`, in the order of `Windows.im2col`."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)).reshape(-1, len(kernel))


def _from_matrix(matrix: Any, shape: Shape) -> Array:
    """Undo `_as_matrix`."""
    filters, channels, height, width = shape
    split = matrix.reshape(height, width, channels, filters)
    return np.ascontiguousarray(split.transpose(3, 2, 0, 1))
