"""Convolution in which each filter sees some of the maps only, as a table says."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.layers.conv import Conv2D
from deepen.layers.kernel import KernelLayer
from deepen.layers.windows import Padding, Windows, check_padding
from deepen.paths import Shape, Tree
from deepen.spec import Constraint, Initializer, Param, Reach

Connections = tuple[tuple[int, ...], ...]

C3_CONNECTIONS: Connections = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
"""Which of the six maps of S2 each of the sixteen maps of C3 sees (LeCun et al., 1998, table I)."""


@register
@dataclass(frozen=True)
class PartialConv2D(KernelLayer):
    """Convolve by a table: filter f sees only the input maps `connections[f]`, numbered from 0.

    `y[n,f,i,j] = b[f] + Σ(c ∈ connections[f], u, v) x[n, c, i·s+u−p, j·s+v−p] · k[pair(f,c),u,v]`, then the
    activation.

    Backward: with dz the gradient before the activation, `db[f] = Σ(n,i,j) dz[n,f,i,j]`,
    `dk[pair(f,c),u,v] = Σ(n,i,j) dz[n,f,i,j] · x[n, c, i·s+u−p, j·s+v−p]`, and dx gets
    `dz[n,f,i,j] · k[pair(f,c),u,v]` at each place that was read.

    It is `Conv2D` with a kernel that is zero, and stays zero, where a map is not seen. One small kernel is
    stored for each pair of filter and map, in the order of the table; fan-in counts the maps that a filter sees.

    Shapes: x `(N, C, H, W)`, kernel `(pairs, KH, KW)`, bias `(filters,)`, y `(N, filters, OH, OW)`.

    Raises:
        DeepenError: a field is out of range, a filter sees no map, or one twice.
        ShapeError: the input is no maps, it lacks a map of the table, or the kernel does not fit into it.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B, layer C3.
    """

    connections: Connections
    kernel_size: int | Pair
    stride: int | Pair = 1
    padding: Padding = 0
    activation: str | None = None

    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.set_field("connections", _checked(self.connections))
        checks.pair(self, "kernel_size")
        checks.pair(self, "stride")
        check_padding(self)

    @property
    def window(self) -> Pair:
        """Height and width of the kernels."""
        return cast(Pair, self.kernel_size)

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, h, w = checks.maps(self, input_shape)
        for number, seen in enumerate(self.connections):
            if max(seen) >= channels:
                raise self.misfit(
                    f"has a table in which filter {number} sees map {max(seen)}, but the input {input_shape} has "
                    f"maps 0 to {channels - 1} only; change the table, or let the layer before give more maps"
                )
        return (len(self.connections), *Windows.over(self, h, w).count)

    def reach(self, input_shape: Shape) -> Reach:
        return Windows.reach(self, input_shape)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        pairs = sum(len(seen) for seen in self.connections)
        found = self.kernel_params((pairs, *self.window), len(self.connections))
        kernel = found["kernel"]
        start = _FilterByFilter(self.connections, kernel.initializer)
        limit = None if kernel.constraint is None else _OfEachFilter(self.connections, kernel.constraint)
        return found | {"kernel": replace(kernel, initializer=start, constraint=limit)}

    @property
    def full(self) -> Conv2D:
        """The convolution whose filters see every map."""
        return Conv2D(
            len(self.connections),
            self.kernel_size,
            self.stride,
            self.padding,
            self.activation,
            use_bias=self.use_bias,
            activity_regularizer=self.activity_regularizer,
        )

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and the cache of the full convolution."""
        return self.full.forward(x, self._full_params(params, x.shape[1]), ctx)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx, and of the full kernel's gradient the part that belongs to the pairs."""
        x = cache[0]
        dx, gradients = self.full.backward(dy, self._full_params(params, x.shape[1]), cache)
        return dx, gradients | {"kernel": gradients["kernel"][self._places]}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch; the full kernel is put together without a copy from this side to a GPU."""
        kernels = dict(zip(zip(*self._places, strict=True), params["kernel"].unbind(), strict=True))
        unseen = params["kernel"].new_zeros(self.window)
        shape = len(self.connections), x.shape[1], *self.window
        full = F.torch.stack([kernels.get(place, unseen) for place in np.ndindex(shape[:2])]).reshape(shape)
        return self.full.torch_forward(F, x, self._with(full, params), ctx)

    @property
    def _places(self) -> tuple[list[int], list[int]]:
        """The filter and the map of each pair, in the order of the table."""
        pairs = [(number, m) for number, seen in enumerate(self.connections) for m in seen]
        return [number for number, _ in pairs], [m for _, m in pairs]

    def _full_params(self, params: Tree, channels: int) -> Tree:
        kernel = params["kernel"]
        full = np.zeros((len(self.connections), channels, *self.window), kernel.dtype)
        full[self._places] = kernel
        return self._with(full, params)

    def _with(self, kernel: Any, params: Tree) -> Tree:
        return {"kernel": kernel, "bias": params["bias"]} if self.use_bias else {"kernel": kernel}


def _checked(connections: Any) -> Connections:
    """Return the table as tuples of numbers."""
    try:
        table = tuple(tuple(operator.index(m) for m in seen) for seen in connections)
    except TypeError:
        table = ()
    if not table or any(not seen or min(seen) < 0 or len(set(seen)) < len(seen) for seen in table):
        raise DeepenError(
            "PartialConv2D: connections must give each filter the maps that it sees, numbered from 0, at least "
            f"one and none twice, as in ((0, 1), (1, 2)); got {connections!r}"
        )
    return table


@dataclass(frozen=True)
class _FilterByFilter(Initializer):
    """Start the kernels of a table: those of each filter as if all filters saw as many maps as it does."""

    connections: Connections
    initializer: Initializer

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        filters, window = len(self.connections), shape[1:]
        kernels = [
            # A path of its own for each: the draws of different shapes would begin with the same numbers.
            self.initializer.sample((filters, len(seen), *window), seed, f"{path} filter {number}")[number]
            for number, seen in enumerate(self.connections)
        ]
        return np.concatenate(kernels)


@dataclass(frozen=True)
class _OfEachFilter(Constraint):
    """Hold the kernels of a table to what a constraint asks of whole filters."""

    connections: Connections
    constraint: Constraint

    def project(self, w: Any) -> Any:
        held, start = w * 1, 0
        for seen in self.connections:
            filter_ = slice(start, start + len(seen))
            held[filter_] = self.constraint.project(w[filter_][None])[0]
            start = filter_.stop
        return held
