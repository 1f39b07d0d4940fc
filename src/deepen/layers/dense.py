"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.initializers import Zeros, initializer
from deepen.layers import checks
from deepen.layers.activation import activation
from deepen.paths import Shape, Tree
from deepen.spec import Initializer, Layer, Param


@register
@dataclass(frozen=True)
class Dense(Layer):
    """Connect every input to every unit: `y = x · Wᵀ + b`, then the activation.

    Backward: `dx = dz · W`, `dW = dzᵀ · x`, `db = Σₙ dz`.

    Shapes: x `(N, F)`, kernel W `(units, F)`, bias `(units,)`, y `(N, units)`.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the input is not flat features.

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
    """

    units: int
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "he_normal"

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        checks.whole(self, "units")
        activation(self.activation)
        self.set_field("kernel_initializer", initializer(self.kernel_initializer))

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise self.misfit(f"expects flat features, got {input_shape}; put Flatten before it")
        return (self.units,)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        found = {"kernel": Param((self.units, *input_shape), cast(Initializer, self.kernel_initializer))}
        if self.use_bias:
            found["bias"] = Param((self.units,), Zeros(), decay=False)
        return found

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and (x, y) as the cache."""
        y = x @ params["kernel"].T
        if self.use_bias:
            y += params["bias"]
        f = activation(self.activation)
        if f is not None:
            y = f.value(y)
        return y, (x, y)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of kernel and bias."""
        x, y = cache
        f = activation(self.activation)
        dz = dy if f is None else f.gradient(dy, y)
        gradients = {"kernel": dz.T @ x}
        if self.use_bias:
            gradients["bias"] = dz.sum(axis=0)
        return dz @ params["kernel"], gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        y = F.linear(x, params["kernel"], params["bias"] if self.use_bias else None)
        f = activation(self.activation)
        return y if f is None else f.torch_value(F, y, overwrite=True)
