"""Optimizers: how gradients change parameters. The learning rate of each step is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import inf, sqrt
from typing import Any, ClassVar

import numpy as np

from deepen.arrays import Array
from deepen.description import Described, by_name, register
from deepen.errors import DeepenError, UsageError


@dataclass(frozen=True)
class Optimizer(Described):
    """Base of the optimizers: a rule for one parameter w with gradient g, and arrays kept from step to step."""

    learning_rate: float

    slots: ClassVar[Mapping[str, str]] = {}
    """The arrays kept for each parameter, with the names that torch.optim gives them."""

    def __post_init__(self) -> None:
        for field in fields(self):
            # A NumPy number would turn float32 arrays into float64.
            self.set_field(field.name, float(getattr(self, field.name)))
        if not 0 < self.learning_rate < inf:
            raise UsageError(
                f"{type(self).__name__}: the learning rate must be above 0, got {self.learning_rate!r}"
            )

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        """Change w and the kept arrays in place; `step` counts from 1."""
        raise DeepenError(f"{type(self).__name__} lacks update")

    def torch(self, optim: Any, parameters: Iterable[Any]) -> Any:
        """Return the same rule from `torch.optim`, which is handed in."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch optimizer")


@register
@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: `w ← w − η g` (Robbins and Monro, 1951)."""

    learning_rate: float = 0.01

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        w -= rate * g

    def torch(self, optim: Any, parameters: Iterable[Any]) -> Any:
        return optim.SGD(parameters, lr=self.learning_rate, fused=True)


@register
@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: `v ← μ v + g`, `w ← w − η v` (Polyak, 1964).

    Textbooks write `v ← μ v − η g`, `w ← w + v`: the same steps while the rate η stays the same. In the form
    used here, which is torch.optim's, a new rate acts at once on all that v has gathered.
    """

    learning_rate: float = 0.01
    momentum: float = 0.9

    slots: ClassVar[Mapping[str, str]] = {"velocity": "momentum_buffer"}

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        v = kept["velocity"]
        v *= self.momentum
        v += g
        w -= rate * v

    def torch(self, optim: Any, parameters: Iterable[Any]) -> Any:
        return optim.SGD(parameters, lr=self.learning_rate, momentum=self.momentum, fused=True)


@register
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: means of gradient and squared gradient, corrected for their start at zero.

    `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`,
    `w ← w − η · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)`.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    slots: ClassVar[Mapping[str, str]] = {"mean": "exp_avg", "square": "exp_avg_sq"}

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        m, v = kept["mean"], kept["square"]
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        deviation = np.sqrt(v) / sqrt(1 - self.beta2**step) + self.epsilon
        w -= rate / (1 - self.beta1**step) * m / deviation

    def torch(self, optim: Any, parameters: Iterable[Any]) -> Any:
        betas = (self.beta1, self.beta2)
        return optim.Adam(parameters, lr=self.learning_rate, betas=betas, eps=self.epsilon, fused=True)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "momentum": Momentum, "adam": Adam}


def optimizer(given: str | Optimizer) -> Optimizer:
    """Return the optimizer of that name with its usual settings, or the given one itself.

    Raises:
        UnknownNameError: no optimizer has that name.
    """
    return by_name("optimizer", Optimizer, OPTIMIZERS, given)
