"""Activations: applied element by element, and softmax over the classes.

Their derivatives are written in terms of the output y, which the next layer keeps anyway, wherever y tells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, pi, sqrt
from typing import Any, ClassVar

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import by_name, register
from deepen.errors import DeepenError, UsageError
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@dataclass(frozen=True)
class Activation(Layer):
    """Base of the activations: `y = f(x)` of any shape `(N, ...)`, and `dx` from `dy` and y."""

    keeps_input: ClassVar[bool] = False
    """Whether the derivative is written in terms of x, because it cannot be told from y."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the same shape."""
        return input_shape

    def value(self, x: Array) -> Array:
        """Return y = f(x) as a new array."""
        raise DeepenError(f"{type(self).__name__} lacks value")

    def kept(self, x: Array, y: Array) -> Array:
        """Return what `gradient` needs."""
        return x if self.keeps_input else y

    def gradient(self, dy: Array, kept: Array) -> Array:
        """Return dx, given dy and what was kept: the output y, or x where `keeps_input`."""
        raise DeepenError(f"{type(self).__name__} lacks gradient")

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        """Compute y with PyTorch; `overwrite` allows it to be written over x."""
        raise DeepenError(f"{type(self).__name__} lacks torch_value")

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array]:
        """Return y, and as the cache what `gradient` needs."""
        y = self.value(x)
        return y, self.kept(x, y)

    def backward(self, dy: Array, params: Tree, cache: Array) -> tuple[Array, dict[str, Any]]:
        """Return dx; there are no parameters."""
        return self.gradient(dy, cache), {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        return self.torch_value(F, x)


@register
@dataclass(frozen=True)
class ReLU(Activation):
    """Rectified linear unit, `y = max(x, 0)`; `dx = dy` where y > 0, else 0 (Nair and Hinton, 2010)."""

    kind: ClassVar[str] = "relu"

    def value(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def gradient(self, dy: Array, y: Array) -> Array:
        return dy * (y > 0)

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return F.relu(x, inplace=overwrite)


@register
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """Let a little through below 0: `y = x` where x > 0, else `a·x`; `dx = dy` where y > 0, else `a·dy`.

    Shapes: any `(N, ...)` stays as it is.

    Raises:
        DeepenError: the slope a is negative or not finite.

    Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013, section 2.
    """

    slope: float = 0.01

    kind: ClassVar[str] = "leaky_relu"

    def __post_init__(self) -> None:
        # With a negative slope y would not tell on which side x was.
        fields.at_least_0(self, "slope")

    def value(self, x: Array) -> Array:
        return np.where(x > 0, x, self.slope * x)

    def gradient(self, dy: Array, y: Array) -> Array:
        return np.where(y > 0, dy, self.slope * dy)

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return F.leaky_relu(x, self.slope, inplace=overwrite)


@register
@dataclass(frozen=True)
class ELU(Activation):
    """Exponential linear unit, `y = x` where x > 0, else `α (eˣ − 1)`; `dx = dy` where y > 0, else `dy · (y + α)`.

    Shapes: any `(N, ...)` stays as it is.

    Raises:
        DeepenError: α is negative or not finite.

    Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2016, section 3.
    """

    alpha: float = 1.0

    kind: ClassVar[str] = "elu"

    def __post_init__(self) -> None:
        fields.at_least_0(self, "alpha")

    def value(self, x: Array) -> Array:
        # e to a negative power only: the side that is not taken does not overflow.
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def gradient(self, dy: Array, y: Array) -> Array:
        dx: Array = dy * np.where(y > 0, 1, y + self.alpha)
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return F.elu(x, self.alpha, inplace=overwrite)


@register
@dataclass(frozen=True)
class GELU(Activation):
    """Gaussian error linear unit, `y = x · Φ(x)`; `dx = dy · (Φ(x) + x · φ(x))`.

    Φ is the normal distribution function, `Φ(x) = (1 + erf(x/√2)) / 2`, and φ its density,
    `φ(x) = e^(−x²/2) / √(2π)`; no approximation by tanh. Two inputs share a y below 0, so x is kept.

    Shapes: any `(N, ...)` stays as it is.

    Source: Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016, section 2.
    """

    kind: ClassVar[str] = "gelu"
    keeps_input: ClassVar[bool] = True

    def value(self, x: Array) -> Array:
        y: Array = x * _normal_distribution(x)
        return y

    def gradient(self, dy: Array, x: Array) -> Array:
        # Beyond ±40 the density is 0 even in float64, and the square of a large x might overflow.
        density = np.exp(-(np.minimum(np.abs(x), 40) ** 2) / 2) / sqrt(2 * pi)
        dx: Array = dy * (_normal_distribution(x) + x * density)
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return F.gelu(x)


def _normal_distribution(x: Array) -> Array:
    """Return Φ(x); NumPy has no error function. `erfc` keeps the digits that `1 + erf` would lose below 0."""
    doubled: Any = np.frompyfunc(erfc, 1, 1)(x * -sqrt(0.5))
    values: Array = doubled.astype(x.dtype) / 2
    return values


@register
@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function, `y = 1 / (1 + e⁻ˣ)`; `dx = dy · y · (1 − y)`, so a slope of at most 1/4.

    Shapes: any `(N, ...)` stays as it is.

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating
    errors", 1986, equation 2.
    """

    kind: ClassVar[str] = "sigmoid"

    def value(self, x: Array) -> Array:
        # e to a negative power only: no overflow on either side.
        small = np.exp(-np.abs(x))
        y: Array = np.where(x >= 0, 1, small) / (1 + small)
        return y

    def gradient(self, dy: Array, y: Array) -> Array:
        dx: Array = dy * y * (1 - y)
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return x.sigmoid()


@register
@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent, `y = tanh(x)`; `dx = dy · (1 − y²)`.

    Shapes: any `(N, ...)` stays as it is.

    Source: LeCun et al., "Efficient BackProp", 1998, section 4.4.
    """

    kind: ClassVar[str] = "tanh"

    def value(self, x: Array) -> Array:
        y: Array = np.tanh(x)
        return y

    def gradient(self, dy: Array, y: Array) -> Array:
        dx: Array = dy * (1 - y * y)
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return x.tanh()


@register
@dataclass(frozen=True)
class ScaledTanh(Activation):
    """LeNet-5's squashing function, `y = A · tanh(S·x)`, A = 1.7159, S = 2/3; `dx = dy · S · (A − y²/A)`.

    It takes ±1 to ±1, where it bends most. Shapes: any `(N, ...)` stays as it is.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, appendix A.
    """

    kind: ClassVar[str] = "scaled_tanh"
    amplitude: ClassVar[float] = 1.7159
    slope: ClassVar[float] = 2 / 3

    def value(self, x: Array) -> Array:
        y: Array = self.amplitude * np.tanh(self.slope * x)
        return y

    def gradient(self, dy: Array, y: Array) -> Array:
        dx: Array = dy * (self.slope * (self.amplitude - y * y / self.amplitude))
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return (x * self.slope).tanh() * self.amplitude


@register
@dataclass(frozen=True)
class Softmax(Activation):
    """Probabilities over axis 1, `yₖ = eˣₖ / Σⱼ eˣⱼ`; `dx = y ⊙ (dy − Σⱼ dyⱼ yⱼ)`.

    As the last layer of a network it is fused with the cross-entropy while training.

    Shapes: `(N, K)` or maps `(N, K, H, W)` stay as they are.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """

    kind: ClassVar[str] = "softmax"

    def value(self, x: Array) -> Array:
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        y: Array = powers / powers.sum(axis=1, keepdims=True)
        return y

    def gradient(self, dy: Array, y: Array) -> Array:
        dx: Array = y * (dy - (dy * y).sum(axis=1, keepdims=True))
        return dx

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return F.softmax(x, dim=1)


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "scaled_tanh": ScaledTanh,
    "softmax": Softmax,
}


@dataclass(frozen=True)
class _Identity(Activation):
    """What `activation=None` means, so that layers need not ask: `y = x`, `dx = dy`."""

    def value(self, x: Array) -> Array:
        return x

    def gradient(self, dy: Array, y: Array) -> Array:
        return dy

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        return x


def activation(name: str | None) -> Activation:
    """Return the activation that a layer's `activation="relu"` asks for; None stands for the identity.

    Raises:
        UnknownNameError: no activation has that name.
        UsageError: it is no name.
    """
    if name is not None and not isinstance(name, str):
        raise UsageError(f"activation: give a name, got {name!r:.80}; names: {', '.join(ACTIVATIONS)}")
    return _Identity() if name is None else by_name("activation", Activation, ACTIVATIONS, name)
