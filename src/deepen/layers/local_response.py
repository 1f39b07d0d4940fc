"""Local response normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@register
@dataclass(frozen=True)
class LocalResponseNormalization(Layer):
    """Divide each value by the strength of its neighbours: the same pixel in the channels around it.

    `y[c] = x[c] / s[c]^β` with `s[c] = k + α Σⱼ x[j]²`, j the `size` channels from c − ⌊size/2⌋ on that exist.
    An even size reaches one channel further down than up. α is not divided by the size (PyTorch's is).

    Backward: `dx[j] = dy[j] / s[j]^β − 2αβ · x[j] Σ_c dy[c] · x[c] / s[c]^(β+1)`, c the channels whose window
    holds j. Shapes: `(N, C, H, W)` stays as it is.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is no maps.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012,
    section 3.3.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    kind: ClassVar[str] = "lrn"

    def __post_init__(self) -> None:
        checks.whole(self, "size")
        fields.at_least_0(self, "alpha")
        fields.at_least_0(self, "beta")
        fields.above_0(self, "k")  # otherwise zeros would be divided by zero

    def output_shape(self, input_shape: Shape) -> Shape:
        return checks.maps(self, input_shape)

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and x with s as the cache."""
        below, above = self._reach
        s = self.k + self.alpha * _window_sums(x * x, below, above)
        return x * s**-self.beta, (x, s)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx: each value's own part, and what it did as a neighbour."""
        x, s = cache
        below, above = self._reach
        own = dy * s**-self.beta
        # The windows that hold channel j reach as far as j's own, turned round.
        neighbours = _window_sums(own * x / s, above, below)
        return own - 2 * self.alpha * self.beta * x * neighbours, {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, which divides α by the size."""
        return F.local_response_norm(x, self.size, self.alpha * self.size, self.beta, self.k)

    @property
    def _reach(self) -> tuple[int, int]:
        return self.size // 2, (self.size - 1) // 2


def _window_sums(x: Array, below: int, above: int) -> Array:
    """Sum each channel with the `below` channels before it and the `above` channels after it."""
    padded = np.pad(x, ((0, 0), (below, above), (0, 0), (0, 0)))
    sums = padded[:, : x.shape[1]].copy()
    for offset in range(1, below + 1 + above):
        sums += padded[:, offset : offset + x.shape[1]]
    return sums
