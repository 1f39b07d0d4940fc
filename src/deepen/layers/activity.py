"""A penalty on activations, which keeps them small or few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import UsageError
from deepen.paths import Shape, Tree
from deepen.regularizers import regularizer
from deepen.spec import Layer, Regularizer


@register
@dataclass(frozen=True)
class ActivityRegularization(Layer):
    """Pass activations on as they are, `y = x`, and add `R(x) / N` to the loss while training.

    Backward: `dx = dy + (dR/dx) / N`. The mean over the N images of a batch is taken, so that the batch size
    does not change how strong the penalty is. Any shape `(N, ...)`.

    Raises:
        UnknownNameError: no regularizer has that name.
    """

    regularizer: str | Regularizer

    kind: ClassVar[str] = "activity"

    def __post_init__(self) -> None:
        found = regularizer(self.regularizer)
        if found is None:
            raise UsageError('ActivityRegularization: give a regularizer, such as "l2" or L1(1e-4)')
        self.set_field("regularizer", found)

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array | None]:
        """Return x itself, and x as the cache where it was penalized."""
        return x, penalize(self.regularizer, x, ctx)

    def backward(self, dy: Array, params: Tree, cache: Array | None) -> tuple[Array, dict[str, Any]]:
        """Return dx: the gradient that came, and the penalty's own."""
        return with_penalty(self.regularizer, dy, cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Return x itself; PyTorch derives the penalty."""
        penalize(self.regularizer, x, ctx)
        return x


def penalize(regularizer: Any, y: Any, ctx: Context) -> Any:
    """Add R(y) / N to the loss of a training pass; return y if there is a penalty, for the way back."""
    if regularizer is None or not ctx.training:
        return None
    ctx.penalize(regularizer.value(y) / len(y))
    return y


def with_penalty(regularizer: Any, dy: Array, y: Array | None) -> Array:
    """Return dy with the gradient of R(y) / N added, where `penalize` returned y."""
    return dy if y is None else dy + regularizer.gradient(y) / len(y)
