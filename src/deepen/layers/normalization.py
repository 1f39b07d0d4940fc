"""Normalization: by fixed numbers, or by the statistics of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.initializers import Ones, Zeros
from deepen.layers import checks
from deepen.paths import Shape, Tree
from deepen.spec import Layer, Param


@register
@dataclass(frozen=True)
class Normalize(Layer):
    """Subtract a fixed mean and divide by a fixed deviation: `y = (x − mean) / std`, `dx = dy / std`.

    Both are one number, or one for each channel. Images come in as [0, 1], so MNIST's are 0.1307 and 0.3081.
    Shapes: `(N, C, ...)` stays as it is.

    Raises:
        DeepenError: a deviation is not above 0.
        ShapeError: there is one number for each channel, and another count of channels.
    """

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]

    kind: ClassVar[str] = "normalize"

    def __post_init__(self) -> None:
        for field in ("mean", "std"):
            value = getattr(self, field)
            numbers = value if isinstance(value, (tuple, list)) else (value,)
            self.set_field(field, tuple(float(number) for number in numbers))
        if len(self.mean) != len(self.std) or not min(self.std) > 0:  # type: ignore[arg-type]
            raise DeepenError(
                "Normalize: give as many deviations as means, all above 0, "
                f"got mean {self.mean} and std {self.std}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        count = len(self.mean)  # type: ignore[arg-type]
        if count not in (1, input_shape[0]):
            raise self.misfit(
                f"has {count} means, but the input {input_shape} has {input_shape[0]} channels; give one "
                "mean and deviation for each channel, or one for all"
            )
        return input_shape

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Array]:
        """Return y, and the deviation as the cache."""
        mean, std = (_channels(np.array(value, x.dtype), x.ndim) for value in (self.mean, self.std))
        return (x - mean) / std, std

    def backward(self, dy: Array, params: Tree, cache: Array) -> tuple[Array, dict[str, Any]]:
        """Return dx."""
        return dy / cache, {}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        mean, std = (_channels(x.new_tensor(value), x.ndim) for value in (self.mean, self.std))
        return (x - mean) / std


@register
@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Normalize each channel over the batch, then scale and shift it: `y = γ · x̂ + β`.

    Training: `x̂ = (x − μ) / √(σ² + ε)` with mean μ and (biased) variance σ² over the m values of a channel,
    and running ← momentum · running + (1 − momentum) · batch, with the unbiased variance in the running value.
    Evaluation: the running mean and variance take the place of μ and σ².

    Backward: `dγ = Σ dy·x̂`, `dβ = Σ dy`, `dx = γ / √(σ² + ε) · (dy − dβ/m − x̂ · dγ/m)`; with the running
    statistics, which do not depend on x, `dx = γ / √(σ² + ε) · dy`.

    Shapes: `(N, C, H, W)` or `(N, C)` stays as it is; γ, β, mean and variance `(C,)`.

    Raises:
        DeepenError: a field is out of range, or a channel of a training batch has one value only.

    Source: Ioffe and Szegedy, "Batch normalization", 2015, algorithms 1 and 2, section 3.2 for maps.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    kind: ClassVar[str] = "norm"

    def __post_init__(self) -> None:
        checks.fraction(self, "momentum")
        if not self.epsilon > 0:
            raise DeepenError(f"BatchNormalization: epsilon must be above 0, got {self.epsilon!r}")
        self.set_field("epsilon", float(self.epsilon))

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def params(self, input_shape: Shape) -> dict[str, Param]:
        channels = input_shape[:1]
        return {"gamma": Param(channels, Ones(), decay=False), "beta": Param(channels, Zeros(), decay=False)}

    def statistics(self, input_shape: Shape) -> dict[str, Param]:
        channels = input_shape[:1]
        return {"running_mean": Param(channels, Zeros()), "running_variance": Param(channels, Ones())}

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and x̂ with the inverse deviation as the cache."""
        over = _all_but_channels(x.ndim)
        if ctx.training:
            # Summed in float64: over a large batch float32 would lose digits.
            mean, variance = (f(axis=over, dtype=np.float64).astype(x.dtype) for f in (x.mean, x.var))
            self._update(ctx, self._count_values(x.shape, ctx.path), mean, variance)
        else:
            mean, variance = ctx.statistics["running_mean"], ctx.statistics["running_variance"]
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        normal = (x - _channels(mean, x.ndim)) * _channels(inverse, x.ndim)
        y = normal * _channels(params["gamma"], x.ndim) + _channels(params["beta"], x.ndim)
        return y, (normal, inverse, ctx.training)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of γ and β."""
        normal, inverse, trained = cache
        over = _all_but_channels(dy.ndim)
        dgamma, dbeta = (dy * normal).sum(axis=over), dy.sum(axis=over)
        dx = dy
        if trained:
            m = _values(dy.shape)
            dx = dy - _channels(dbeta / m, dy.ndim) - normal * _channels(dgamma / m, dy.ndim)
        dx = dx * _channels(params["gamma"] * inverse, dy.ndim)
        return dx, {"gamma": dgamma, "beta": dbeta}

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, which writes into copies of the running statistics."""
        mean, variance = ctx.statistics["running_mean"], ctx.statistics["running_variance"]
        if ctx.training:
            self._count_values(tuple(x.shape), ctx.path)
            mean, variance = mean.clone(), variance.clone()
            ctx.update("running_mean", mean)
            ctx.update("running_variance", variance)
        gamma, beta = params["gamma"], params["beta"]
        return F.batch_norm(x, mean, variance, gamma, beta, ctx.training, 1 - self.momentum, self.epsilon)

    def _update(self, ctx: Context, count: int, mean: Array, variance: Array) -> None:
        unbiased = variance * (count / (count - 1))
        for name, batch in (("running_mean", mean), ("running_variance", unbiased)):
            ctx.update(name, self.momentum * ctx.statistics[name] + (1 - self.momentum) * batch)

    def _count_values(self, shape: Shape, path: str) -> int:
        """Return m, the number of values that a channel has in this batch, if there are enough."""
        m = _values(shape)
        if m < 2:
            raise DeepenError(
                f"{path or 'batch normalization'} cannot train on one value per channel, as in {shape}; "
                "choose a batch size that leaves no single image in the last batch"
            )
        return m


def _values(shape: Shape) -> int:
    return shape[0] * prod(shape[2:])


def _all_but_channels(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


def _channels(values: Any, ndim: int) -> Any:
    """Reshape one value per channel so that it meets axis 1 of `ndim` axes."""
    return values.reshape(-1, *(1,) * (ndim - 2))
