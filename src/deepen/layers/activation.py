"""Activations: applied element by element, and softmax over the classes.

Their derivatives are written in terms of the output y, which the next layer keeps anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import by_name, register
from deepen.errors import DeepenError, UsageError
from deepen.paths import Shape, Tree
from deepen.spec import Layer


@dataclass(frozen=True)
class Activation(Layer):
    """Base of the activations: `y = f(x)` of any shape `(N, ...)`, and `dx` from `dy` and y."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the same shape."""
        return input_shape

    def value(self, x: Array) -> Array:
        """Return y = f(x) as a new array."""
        raise DeepenError(f"{type(self).__name__} lacks value")

    def gradient(self, dy: Array, y: Array) -> Array:
        """Return dx, given dy and the output y."""
        raise DeepenError(f"{type(self).__name__} lacks gradient")

    def torch_value(self, F: Any, x: Any, *, overwrite: bool = False) -> Any:
        """Compute y with PyTorch; `overwrite` allows it to be written over x."""
        raise DeepenError(f"{type(self).__name__} lacks torch_value")

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array]:
        """Return y, and y as the cache."""
        y = self.value(x)
        return y, y

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
class Sigmoid(Activation):
    """Logistic function, `y = 1 / (1 + e⁻ˣ)`; `dx = dy · y · (1 − y)`."""

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
class Softmax(Activation):
    """Probabilities over axis 1, `yₖ = eˣₖ / Σⱼ eˣⱼ`; `dx = y ⊙ (dy − Σⱼ dyⱼ yⱼ)`.

    As the last layer of a network it is fused with the cross-entropy while training.
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


ACTIVATIONS: dict[str, type[Activation]] = {"relu": ReLU, "sigmoid": Sigmoid, "softmax": Softmax}


def activation(name: str | None) -> Activation | None:
    """Return the activation that a layer's `activation="relu"` asks for.

    Raises:
        UnknownNameError: no activation has that name.
        UsageError: it is no name.
    """
    if name is not None and not isinstance(name, str):
        raise UsageError(f"activation: give a name, got {name!r:.80}; names: {', '.join(ACTIVATIONS)}")
    return None if name is None else by_name("activation", Activation, ACTIVATIONS, name)
