"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@register
@dataclass(frozen=True)
class Dropout(Layer):
    """Drop a share `rate` of the activations while training, and scale up the rest (inverted dropout).

    Training: `y = x · m / (1 − rate)` with m = 1 where a uniform draw is ≥ rate, else 0, and
    `dx = dy · m / (1 − rate)`. Evaluation: `y = x`. The expected value is the same in both, for any shape
    `(N, ...)`.

    Raises:
        DeepenError: the rate is not in [0, 1).

    Source: Srivastava et al., "Dropout", JMLR 2014, section 10 for the scaling while training.
    """

    rate: float

    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        checks.fraction(self, "rate")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array | None]:
        """Return y, and the scaled mask as the cache (None where nothing was dropped)."""
        if not ctx.training or self.rate == 0:
            return x, None
        mask = (ctx.uniform(x.shape) >= self.rate) * x.dtype.type(1 / (1 - self.rate))
        return x * mask, mask

    def backward(self, dy: Array, params: Tree, cache: Array | None) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient passes where the activation passed."""
        return (dy if cache is None else dy * cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch from this library's own draws, so that every engine drops the same units."""
        if not ctx.training or self.rate == 0:
            return x
        return x * (ctx.uniform(tuple(x.shape)) >= self.rate) * (1 / (1 - self.rate))
