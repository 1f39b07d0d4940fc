"""What convolutions and dense layers share: a kernel and a bias, and how they start and are held small."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import cast

from deepen.constraints import constraint
from deepen.initializers import initializer
from deepen.layers import checks
from deepen.layers.activation import Activation, activation
from deepen.paths import Shape
from deepen.regularizers import regularizer
from deepen.spec import Constraint, Initializer, Layer, Param, Regularizer


@dataclass(frozen=True)
class KernelLayer(Layer):
    """Base of the layers that multiply by a learned kernel, add a bias and apply their `activation`."""

    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: str | Initializer = "he_normal"
    bias_initializer: str | Initializer = "zeros"
    kernel_regularizer: str | Regularizer | None = None
    bias_regularizer: str | Regularizer | None = None
    activity_regularizer: str | Regularizer | None = None
    kernel_constraint: str | Constraint | None = None
    bias_constraint: str | Constraint | None = None

    def __post_init__(self) -> None:
        checks.flag(self, "use_bias")
        activation(self._activation_name)
        for part in ("kernel", "bias"):
            self.set_field(f"{part}_initializer", initializer(getattr(self, f"{part}_initializer")))
            self.set_field(f"{part}_constraint", constraint(getattr(self, f"{part}_constraint")))
        for part in ("kernel", "bias", "activity"):
            self.set_field(f"{part}_regularizer", regularizer(getattr(self, f"{part}_regularizer")))

    @property
    def _activation_name(self) -> str | None:
        return cast("str | None", getattr(self, "activation", None))

    @property
    def function(self) -> Activation:
        """The activation that is applied at the end."""
        return activation(self._activation_name)

    def kernel_params(self, kernel: Shape, units: int) -> dict[str, Param]:
        """Return the kernel of that shape and, unless it is left out, the bias `(units,)`."""
        found = {
            "kernel": Param(
                kernel,
                cast(Initializer, self.kernel_initializer),
                regularizer=cast("Regularizer | None", self.kernel_regularizer),
                constraint=cast("Constraint | None", self.kernel_constraint),
            )
        }
        if self.use_bias:
            found["bias"] = Param(
                (units,),
                cast(Initializer, self.bias_initializer),
                decay=False,
                regularizer=cast("Regularizer | None", self.bias_regularizer),
                constraint=cast("Constraint | None", self.bias_constraint),
            )
        return found
