"""Changing the size of maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.layers.checks import Pair
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@register
@dataclass(frozen=True)
class Resize(Layer):
    """Bring maps to a size: `y = A · x · Bᵀ`, `dx = Aᵀ · dy · B`, with fixed matrices for rows and columns.

    Pixels are squares, so the centre of row i lies at `(i + ½) · H / h − ½` of the input. mode="bilinear": a row
    of A shares itself between the two nearest rows, in proportion to how near they are; mode="nearest": it
    takes the nearest. Shrinking does not smooth first.

    Shapes: x `(N, C, H, W)`, y `(N, C, h, w)`, A `(h, H)`, B `(w, W)`.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is no maps.
    """

    size: int | Pair
    mode: Literal["bilinear", "nearest"] = "bilinear"

    kind: ClassVar[str] = "resize"

    def __post_init__(self) -> None:
        checks.pair(self, "size")
        checks.one_of(self, "mode", _MATRICES)

    def output_shape(self, input_shape: Shape) -> Shape:
        channels, _, _ = checks.maps(self, input_shape)
        return (channels, *cast(Pair, self.size))

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, tuple[Array, Array]]:
        """Return y, and the two matrices as the cache."""
        height, width = cast(Pair, self.size)
        matrix = _MATRICES[self.mode]
        a, b = (matrix(*sizes).astype(x.dtype) for sizes in ((x.shape[2], height), (x.shape[3], width)))
        return a @ x @ b.T, (a, b)

    def backward(self, dy: Array, params: Tree, cache: tuple[Array, Array]) -> tuple[Array, dict[str, Any]]:
        """Return dx."""
        a, b = cache
        return a.T @ dy @ b, {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, whose plain "nearest" means corners instead of centres."""
        if self.mode == "nearest":
            return F.interpolate(x, self.size, mode="nearest-exact")
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)


def _bilinear(length: int, size: int) -> Array:
    """Return the matrix `(size, length)` that takes each new pixel from the two old ones around its centre."""
    centre = np.clip((np.arange(size) + 0.5) * (length / size) - 0.5, 0, length - 1)
    before = centre.astype(int)
    after = np.minimum(before + 1, length - 1)
    rows, share = np.arange(size), centre - before
    matrix = np.zeros((size, length))
    matrix[rows, before] += 1 - share
    matrix[rows, after] += share
    return matrix


def _nearest(length: int, size: int) -> Array:
    """Return the matrix `(size, length)` that takes each new pixel from the old one that its centre lies in."""
    # In float32, as PyTorch has it: a centre between two pixels then falls to the same side.
    scale = np.float32(length / size)
    centre = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale
    matrix: Array = np.eye(length)[np.minimum(centre.astype(int), length - 1)]
    return matrix


_MATRICES = {"bilinear": _bilinear, "nearest": _nearest}
