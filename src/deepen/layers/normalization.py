"""Normalization: by fixed numbers, or by the statistics of the batch or of each image's groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError, UsageError
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
        DeepenError: a field is no number or numbers, or a deviation is not above 0.
        ShapeError: there is one number for each channel, and another count of channels.
    """

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]

    kind: ClassVar[str] = "normalize"

    def __post_init__(self) -> None:
        for field in ("mean", "std"):
            _numbers(self, field)
        if len(self.mean) != len(self.std) or not min(self.std, default=0) > 0:  # type: ignore[arg-type]
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
        mean, std = (_beside(x, numbers) for numbers in (self.mean, self.std))
        return (x - mean) / std


@dataclass(frozen=True)
class ScaledNormalization(Layer):
    """Base of the normalizations that learn a scale and a shift for each channel: `y = γ · x̂ + β`."""

    kind: ClassVar[str] = "norm"

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def params(self, input_shape: Shape) -> dict[str, Param]:
        channels = input_shape[:1]
        return {"gamma": Param(channels, Ones(), decay=False), "beta": Param(channels, Zeros(), decay=False)}

    def scale(self, normal: Array, params: Tree) -> Array:
        """Return y, given x̂."""
        y: Array = normal * _channels(params["gamma"], normal.ndim) + _channels(params["beta"], normal.ndim)
        return y

    def scale_gradients(self, dy: Array, normal: Array) -> dict[str, Any]:
        """Return the gradients of γ and β: `dγ = Σ dy·x̂`, `dβ = Σ dy` over all but the channels."""
        over = _all_but_channels(dy.ndim)
        return {"gamma": (dy * normal).sum(axis=over), "beta": dy.sum(axis=over)}


@register
@dataclass(frozen=True)
class BatchNormalization(ScaledNormalization):
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

    def __post_init__(self) -> None:
        fields.share(self, "momentum")
        fields.above_0(self, "epsilon")

    def statistics(self, input_shape: Shape) -> dict[str, Param]:
        channels = input_shape[:1]
        return {"running_mean": Param(channels, Zeros()), "running_variance": Param(channels, Ones())}

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and x̂ with the inverse deviation as the cache."""
        if ctx.training:
            mean, variance = _moments(x, _all_but_channels(x.ndim))
            self._update(ctx, self.count_values(x.shape, ctx.path), mean, variance)
        else:
            mean, variance = ctx.statistics["running_mean"], ctx.statistics["running_variance"]
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        normal = (x - _channels(mean, x.ndim)) * _channels(inverse, x.ndim)
        return self.scale(normal, params), (normal, inverse, ctx.training)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of γ and β."""
        normal, inverse, trained = cache
        gradients = self.scale_gradients(dy, normal)
        dx = dy
        if trained:
            m = _values(dy.shape)
            dgamma, dbeta = gradients["gamma"], gradients["beta"]
            dx = dy - _channels(dbeta / m, dy.ndim) - normal * _channels(dgamma / m, dy.ndim)
        return dx * _channels(params["gamma"] * inverse, dy.ndim), gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch, which writes into copies of the running statistics."""
        mean, variance = ctx.statistics["running_mean"], ctx.statistics["running_variance"]
        if ctx.training:
            self.count_values(tuple(x.shape), ctx.path)
            mean, variance = mean.clone(), variance.clone()
            ctx.update("running_mean", mean)
            ctx.update("running_variance", variance)
        gamma, beta = params["gamma"], params["beta"]
        return F.batch_norm(x, mean, variance, gamma, beta, ctx.training, 1 - self.momentum, self.epsilon)

    def _update(self, ctx: Context, count: int, mean: Array, variance: Array) -> None:
        unbiased = variance * (count / (count - 1))
        for name, batch in (("running_mean", mean), ("running_variance", unbiased)):
            ctx.update(name, self.momentum * ctx.statistics[name] + (1 - self.momentum) * batch)

    def count_values(self, shape: Shape, path: str) -> int:
        """Return m, the number of values that a channel has in this batch, if there are enough."""
        m = _values(shape)
        if m < 2:
            raise DeepenError(
                f"{path or 'batch normalization'} cannot train on one value per channel, as in {shape}; "
                "choose a batch size that leaves no single image in the last batch"
            )
        return m


@register
@dataclass(frozen=True)
class GroupNormalization(ScaledNormalization):
    """Normalize groups of neighbouring channels of each image, then scale and shift each channel: `y = γ · x̂ + β`.

    `x̂ = (x − μ) / √(σ² + ε)` with mean μ and (biased) variance σ² over the values of a group, in training and
    evaluation alike: the batch plays no part. One group is layer normalization over `(C, H, W)`; as many groups
    as channels are instance normalization.

    Backward: `dγ = Σ dy·x̂`, `dβ = Σ dy`, and with `dx̂ = γ · dy` and means over the values of a group,
    `dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂·x̂)) / √(σ² + ε)`.

    Shapes: `(N, C, H, W)` or `(N, C)` stays as it is; γ and β `(C,)`.

    Raises:
        DeepenError: a field is out of range.
        ShapeError: the channels cannot be divided into so many groups, or a group has one value only.

    Source: Wu and He, "Group normalization", 2018, section 3.1.
    """

    groups: int
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        checks.whole(self, "groups")
        fields.above_0(self, "epsilon")

    def output_shape(self, input_shape: Shape) -> Shape:
        channels = input_shape[0]
        if channels % self.groups:
            raise self.misfit(
                f"cannot divide {channels} channels into {self.groups} groups of the same size; choose a number "
                f"of groups that divides {channels}"
            )
        if prod(input_shape) == self.groups:
            raise self.misfit(
                f"would normalize one value per group, as {input_shape} has {self.groups} values in "
                f"{self.groups} groups, and forget the input; choose fewer groups"
            )
        return input_shape

    def reach(self, input_shape: Shape) -> None:
        return None  # the mean of a group is over all positions

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and x̂ with the inverse deviation as the cache."""
        grouped = self._grouped(x)
        mean, variance = _moments(grouped, 2)
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))[:, :, None]
        normal = ((grouped - mean[:, :, None]) * inverse).reshape(x.shape)
        return self.scale(normal, params), (normal, inverse)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of γ and β."""
        normal, inverse = cache
        grouped = self._grouped(normal)
        dnormal = self._grouped(dy * _channels(params["gamma"], dy.ndim))
        shift = dnormal.mean(axis=2, keepdims=True)
        stretch = (dnormal * grouped).mean(axis=2, keepdims=True)
        dx = (dnormal - shift - grouped * stretch) * inverse
        return dx.reshape(dy.shape), self.scale_gradients(dy, normal)

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        # PyTorch 2.13 crashes on a CPU where x is channels-last and needs no gradient, but γ does.
        return F.group_norm(x.contiguous(), self.groups, params["gamma"], params["beta"], self.epsilon)

    def _grouped(self, x: Array) -> Array:
        """`(N, C, H, W)` → `(N, groups, C/groups·H·W)`."""
        return x.reshape(len(x), self.groups, -1)


def _numbers(layer: Normalize, field: str) -> None:
    """Turn a field that holds a number, or one for each channel, into a tuple of floats."""
    value = getattr(layer, field)
    numbers = value if isinstance(value, (tuple, list)) else (value,)
    if not all(map(fields.is_number, numbers)):
        raise UsageError(f"Normalize: {field} must be a number, or one for each channel, got {value!r}")
    layer.set_field(field, tuple(map(float, numbers)))


def _moments(x: Array, over: int | tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and variance, summed in float64: over many values float32 would lose digits."""
    mean, variance = (f(axis=over, dtype=np.float64).astype(x.dtype) for f in (x.mean, x.var))
    return mean, variance


def _values(shape: Shape) -> int:
    return shape[0] * prod(shape[2:])


def _all_but_channels(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


def _channels(values: Any, ndim: int) -> Any:
    """Reshape one value per channel so that it meets axis 1 of `ndim` axes."""
    return values.reshape(-1, *(1,) * (ndim - 2))


def _beside(x: Any, numbers: Any) -> Any:
    """Return one number as it is, or one per channel as a PyTorch tensor where x is.

    It is filled there: a GPU would have to wait for a copy from this side.
    """
    if len(numbers) == 1:
        return numbers[0]
    values = x.new_empty(len(numbers))
    for channel, number in enumerate(numbers):
        values[channel] = number
    return _channels(values, x.ndim)
