"""Regularizers: penalties on parameters or activations, added to the loss while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.description import by_name, register
from deepen.spec import Regularizer


@dataclass(frozen=True)
class _Norm(Regularizer):
    strength: float = 0.01

    def __post_init__(self) -> None:
        fields.at_least_0(self, "strength")


@register
@dataclass(frozen=True)
class L1(_Norm):
    """Penalize absolute values, `R = λ Σ |w|`, `dR/dw = λ sign(w)`: many become exactly small (Tibshirani, 1996).

    Raises:
        UsageError: the strength λ is negative or not finite.
    """

    def value(self, w: Any) -> Any:
        return self.strength * abs(w).sum()

    def gradient(self, w: Array) -> Array:
        return self.strength * np.sign(w)


@register
@dataclass(frozen=True)
class L2(_Norm):
    """Penalize squares, `R = λ Σ w²`, `dR/dw = 2 λ w`: plain gradient descent then decays weights by 2 λ η.

    Raises:
        UsageError: the strength λ is negative or not finite.

    Source: Krogh and Hertz, "A simple weight decay can improve generalization", 1991 (with λ/2 in place of λ).
    """

    def value(self, w: Any) -> Any:
        return self.strength * (w * w).sum()

    def gradient(self, w: Array) -> Array:
        return 2 * self.strength * w


REGULARIZERS: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2}


def regularizer(given: str | Regularizer | None) -> Regularizer | None:
    """Return the regularizer of that name with strength 0.01, the given one itself, or None for none.

    Raises:
        UnknownNameError: no regularizer has that name.
    """
    return None if given is None else by_name("regularizer", Regularizer, REGULARIZERS, given)
