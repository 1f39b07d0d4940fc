"""Optimizers: how gradients change parameters. The learning rate of each step is handed in.

Where books and libraries differ in a formula, torch.optim's is used, so that every engine makes the same steps;
the docstrings say what the others write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.description import Described, by_name, register
from deepen.errors import DeepenError


@dataclass(frozen=True)
class Optimizer(Described):
    """Base of the optimizers: a rule for one parameter w with gradient g, and arrays kept from step to step.

    A weight decay λ adds `½ λ ‖w‖²` to what is made small: `g ← g + λ w` comes before the rule.

    Args:
        learning_rate: η, which a schedule multiplies.
        weight_decay: λ.
        clip_norm: c; gradients that together have a norm above c are scaled down to it, before the decay (Pascanu
            et al., "On the difficulty of training recurrent neural networks", 2013, algorithm 1).
        average: δ; the weights that are used in evaluation are a moving average of those that are trained,
            `a ← d a + (1 − d) w` after step t, with `d = min(δ, t / (t + 9))`, so that the start is soon
            forgotten. 0 averages nothing.
        accumulate: n; the gradients of a batch are computed in n parts, one after the other, which takes less
            memory. The step is the same, but for batch normalization, which sees the parts.

    Raises:
        UsageError: a setting is out of range.
    """

    learning_rate: float
    _: KW_ONLY
    weight_decay: float = 0.0
    clip_norm: float | None = None
    average: float = 0.0
    accumulate: int = 1

    slots: ClassVar[Mapping[str, str]] = {}
    """The arrays kept for each parameter, with the names that torch.optim gives them."""

    fused: ClassVar[bool] = True
    """Whether torch has the rule as one kernel on every device, which can skip a step by a flag there."""

    def __post_init__(self) -> None:
        fields.above_0(self, "learning_rate")
        fields.at_least_0(self, "weight_decay")
        if self.clip_norm is not None:
            fields.above_0(self, "clip_norm")
        fields.share(self, "average")
        fields.at_least_1(self, "accumulate")

    def decayed(self, w: Array, g: Array, rate: float, decay: float) -> Array:
        """Return the gradient with weight decay; where the two are decoupled, shrink w in place instead."""
        return g + decay * w

    def averaging(self, step: int) -> float:
        """Return d, the share that the moving average keeps of itself at a step, which counts from 1."""
        return min(self.average, step / (step + 9))

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        """Change w and the kept arrays in place; `step` counts from 1."""
        raise DeepenError(f"{type(self).__name__} lacks update")

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        """Return the same rule from `torch.optim`, which is handed in, for groups that name their weight decay."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch optimizer")


@register
@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: `w ← w − η g` (Robbins and Monro, 1951)."""

    learning_rate: float = 0.01

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        w -= rate * g

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        return optim.SGD(groups, lr=self.learning_rate, fused=True)


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

    def __post_init__(self) -> None:
        super().__post_init__()
        fields.share(self, "momentum")

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        v = kept["velocity"]
        v *= self.momentum
        v += g
        w -= rate * v

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        return optim.SGD(groups, lr=self.learning_rate, momentum=self.momentum, fused=True)


@register
@dataclass(frozen=True)
class Nesterov(Momentum):
    """Momentum whose gradient is taken ahead, where v is about to lead: `v ← μ v + g`, `w ← w − η (g + μ v)`.

    Nesterov moves θ by `v ← μ v − η ∇L(θ + μ v)`, `θ ← θ + v`. What is kept here is the point ahead, w = θ + μ v,
    at which g is taken: `w ← w + μ² v − (1 + μ) η g` with the v before the step, or `w ← w + μ v − η g` with the v
    after it (CS231n, "Neural networks part 3"; torch.optim divides v by −η). To write μ² with the v after the
    step, as is sometimes seen, is another rule: it looks ahead by (μ + μ²) v. A new rate acts as in `Momentum`.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013, section 2.
    """

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        v = kept["velocity"]
        v *= self.momentum
        v += g
        w -= rate * (g + self.momentum * v)

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        return optim.SGD(groups, lr=self.learning_rate, momentum=self.momentum, nesterov=True, fused=True)


@register
@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """Smaller steps where gradients have been large: `s ← s + g²`, `w ← w − η g / (√s + ε)`.

    CS231n and "Deep Learning from Scratch" write ε = 1e-7 or so; Keras takes `√(s + ε)` and starts s at 0.1.

    Source: Duchi et al., "Adaptive subgradient methods", JMLR 2011, figure 1 (with δ for ε).
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10

    slots: ClassVar[Mapping[str, str]] = {"squares": "sum"}
    fused: ClassVar[bool] = False  # torch 2.10 has it on the CPU alone

    def __post_init__(self) -> None:
        super().__post_init__()
        fields.above_0(self, "epsilon")

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        s = kept["squares"]
        s += g * g
        w -= rate * g / (np.sqrt(s) + self.epsilon)

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        return optim.Adagrad(groups, lr=self.learning_rate, eps=self.epsilon)


@register
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """AdaGrad that forgets: `s ← α s + (1 − α) g²`, `w ← w − η g / (√s + ε)`.

    "Deep Learning from Scratch" has the same α = 0.99 and ε = 1e-7; Keras takes α = 0.9 and `√(s + ε)`.

    Source: Tieleman and Hinton, "Neural networks for machine learning", 2012, lecture 6.5.
    """

    learning_rate: float = 0.01
    smoothing: float = 0.99
    epsilon: float = 1e-8

    slots: ClassVar[Mapping[str, str]] = {"square": "square_avg"}
    fused: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        fields.share(self, "smoothing")
        fields.above_0(self, "epsilon")

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        s = kept["square"]
        s += (1 - self.smoothing) * (g * g - s)
        w -= rate * g / (np.sqrt(s) + self.epsilon)

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        return optim.RMSprop(groups, lr=self.learning_rate, alpha=self.smoothing, eps=self.epsilon)


@register
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: means of gradient and squared gradient, corrected for their start at zero.

    `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`,
    `w ← w − η · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)`.

    "Deep Learning from Scratch" and Keras correct the rate instead, `η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)`:
    the same but for ε, which then weighs more in the first steps; they take ε = 1e-7.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    slots: ClassVar[Mapping[str, str]] = {"mean": "exp_avg", "square": "exp_avg_sq"}

    def __post_init__(self) -> None:
        super().__post_init__()
        fields.share(self, "beta1")
        fields.share(self, "beta2")
        fields.above_0(self, "epsilon")

    def update(self, w: Array, g: Array, kept: Mapping[str, Array], step: int, rate: float) -> None:
        m, v = kept["mean"], kept["square"]
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        deviation = np.sqrt(v) / sqrt(1 - self.beta2**step) + self.epsilon
        w -= rate / (1 - self.beta1**step) * m / deviation

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        betas = (self.beta1, self.beta2)
        return optim.Adam(groups, lr=self.learning_rate, betas=betas, eps=self.epsilon, fused=True)


@register
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: `w ← (1 − η λ) w`, then Adam's step with g as it is.

    In Adam itself the decay's share of g is divided by √v like the rest, so that weights with large gradients
    hardly decay. The paper multiplies λ by the schedule alone; here, as in torch.optim and Keras, by the rate η.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    """

    _: KW_ONLY
    weight_decay: float = 0.01

    def decayed(self, w: Array, g: Array, rate: float, decay: float) -> Array:
        w *= 1 - rate * decay
        return g

    def torch(self, optim: Any, groups: Iterable[dict[str, Any]]) -> Any:
        betas = (self.beta1, self.beta2)
        return optim.AdamW(groups, lr=self.learning_rate, betas=betas, eps=self.epsilon, fused=True)


def clipped(gradients: Mapping[str, Array], norm: float) -> dict[str, Array]:
    """Return the gradients, scaled down if their norm together is above `norm`, as torch does it."""
    total = sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
    factor = min(1.0, norm / (total + 1e-6))
    return {path: g * g.dtype.type(factor) for path, g in gradients.items()}


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def optimizer(given: str | Optimizer) -> Optimizer:
    """Return the optimizer of that name with its usual settings, or the given one itself.

    Raises:
        UnknownNameError: no optimizer has that name.
    """
    return by_name("optimizer", Optimizer, OPTIMIZERS, given)
