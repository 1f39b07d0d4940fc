"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.layers import checks
from deepen.layers.activity import penalize, with_penalty
from deepen.layers.kernel import KernelLayer
from deepen.paths import Shape, Tree
from deepen.spec import Param


@register
@dataclass(frozen=True)
class Dense(KernelLayer):
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

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole(self, "units")

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise self.misfit(f"expects flat features, got {input_shape}; put Flatten before it")
        return (self.units,)

    def params(self, input_shape: Shape) -> dict[str, Param]:
        return self.kernel_params((self.units, *input_shape), self.units)

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and what the gradients are made of: x, what the activation keeps, and what was penalized."""
        z = x @ params["kernel"].T
        if self.use_bias:
            z += params["bias"]
        y = self.function.value(z)
        return y, (x, self.function.kept(z, y), penalize(self.activity_regularizer, y, ctx))

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of kernel and bias."""
        x, kept, penalized = cache
        dy = with_penalty(self.activity_regularizer, dy, penalized)
        dz = self.function.gradient(dy, kept)
        gradients = {"kernel": dz.T @ x}
        if self.use_bias:
            gradients["bias"] = dz.sum(axis=0)
        return dz @ params["kernel"], gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        z = F.linear(x, params["kernel"], params["bias"] if self.use_bias else None)
        y = self.function.torch_value(F, z, overwrite=True)
        penalize(self.activity_regularizer, y, ctx)
        return y
