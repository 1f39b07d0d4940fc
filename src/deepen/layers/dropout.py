"""Dropout, in the form that scales while training and in the original one, which scales afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
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
        fields.share(self, "rate")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def mask(self, x: Any, ctx: Context) -> Any:
        """Return which activations stay, from this library's own draws, so that every engine drops the same."""
        return ctx.uniform(tuple(x.shape)) >= self.rate

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and the scaled mask as the cache (None where nothing was dropped)."""
        if not ctx.training or self.rate == 0:
            return x, None
        mask = self.mask(x, ctx) * x.dtype.type(1 / (1 - self.rate))
        return x * mask, mask

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient is multiplied by what the activation was multiplied by."""
        return (dy if cache is None else dy * cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        if not ctx.training or self.rate == 0:
            return x
        return x * self.mask(x, ctx) * (1 / (1 - self.rate))


@register
@dataclass(frozen=True)
class OriginalDropout(Dropout):
    """Drop a share `rate` of the activations while training, and scale all of them down afterwards.

    Training: `y = x · m`, `dx = dy · m`, with the same m as `Dropout` at the same place. Evaluation:
    `y = x · (1 − rate)`, `dx = dy · (1 − rate)`: the expected value while training. Any shape `(N, ...)`.

    Raises:
        DeepenError: the rate is not in [0, 1).

    Source: Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors", 2012;
    Srivastava et al., "Dropout", JMLR 2014, section 4.
    """

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and as the cache what x was multiplied by."""
        factor = self._factor(x, ctx)
        return x * factor, factor

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return x * self._factor(x, ctx)

    def _factor(self, x: Any, ctx: Context) -> Any:
        return self.mask(x, ctx) if ctx.training else 1 - self.rate
