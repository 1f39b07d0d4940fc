"""What parameters hold before training. Fans are computed from the shape, never written down by hand."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from deepen import fields, randomness
from deepen.arrays import Array
from deepen.description import by_name, register
from deepen.errors import DeepenError
from deepen.paths import Shape
from deepen.spec import Initializer


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs feed one output, and how many outputs one input feeds.

    For a convolution kernel `(filters, channels, height, width)` they are channels·height·width and
    filters·height·width; for a dense kernel `(units, inputs)` they are inputs and units.

    Raises:
        DeepenError: the shape is no kernel's.
    """
    if len(shape) < 2:
        raise DeepenError(
            f"a parameter of shape {shape} is no kernel and has no fans; give it another initializer, such as "
            '"zeros" or Normal(0.01)'
        )
    receptive = prod(shape[2:])
    return shape[1] * receptive, shape[0] * receptive


@register
@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return np.zeros(shape)


@register
@dataclass(frozen=True)
class Ones(Initializer):
    """All ones."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return np.ones(shape)


@register
@dataclass(frozen=True)
class ConstantValue(Initializer):
    """The same number everywhere.

    Raises:
        UsageError: it is no finite number.
    """

    value: float

    def __post_init__(self) -> None:
        fields.number(self, "value")

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return np.full(shape, self.value)


def _normal(shape: Shape, seed: int, path: str, deviation: float) -> Array:
    return deviation * randomness.normal(seed, f"initial {path}", prod(shape)).reshape(shape)


def _uniform(shape: Shape, seed: int, path: str, limit: float) -> Array:
    u = randomness.open_uniform(seed, f"initial {path}", prod(shape)).reshape(shape)
    return limit * (2 * u - 1)


@register
@dataclass(frozen=True)
class Normal(Initializer):
    """Normal with mean 0 and a given deviation, whatever the shape.

    Raises:
        UsageError: the deviation is not above 0.
    """

    deviation: float = 0.01

    def __post_init__(self) -> None:
        fields.above_0(self, "deviation")

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _normal(shape, seed, path, self.deviation)


@register
@dataclass(frozen=True)
class HeNormal(Initializer):
    """Normal with deviation √(2 / fan_in), for layers before a ReLU (He et al., 2015, section 2.2)."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _normal(shape, seed, path, sqrt(2 / fans(shape)[0]))


@register
@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform within ±√(6 / fan_in), whose deviation is that of `HeNormal`."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _uniform(shape, seed, path, sqrt(6 / fans(shape)[0]))


@register
@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Normal with deviation √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010, equation 12; "Xavier")."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _normal(shape, seed, path, sqrt(2 / sum(fans(shape))))


@register
@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform within ±√(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010, equation 16; "Xavier")."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _uniform(shape, seed, path, sqrt(6 / sum(fans(shape))))


@register
@dataclass(frozen=True)
class LeCunNormal(Initializer):
    """Normal with deviation √(1 / fan_in) (LeCun et al., "Efficient backprop", 1998, section 4.6)."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _normal(shape, seed, path, sqrt(1 / fans(shape)[0]))


@register
@dataclass(frozen=True)
class LeCunUniform(Initializer):
    """Uniform within ±√(3 / fan_in), whose deviation is that of `LeCunNormal`."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _uniform(shape, seed, path, sqrt(3 / fans(shape)[0]))


@register
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random orthogonal matrix times a gain g: `W Wᵀ = g² I`, or `Wᵀ W = g² I` with more rows than columns.

    A kernel is W with a row for each filter or unit. W / g is the Q of a normal matrix's QR decomposition, with
    signs such that R's diagonal is positive, which makes every orthogonal matrix as likely as any other.

    Raises:
        UsageError: the gain is not above 0.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    2014, section 3.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        fields.above_0(self, "gain")

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        rows, columns = shape[0], prod(shape[1:])
        q, r = np.linalg.qr(_normal((max(rows, columns), min(rows, columns)), seed, path, 1))
        q = q * np.copysign(self.gain, np.diag(r))
        return (q if rows >= columns else q.T).reshape(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "normal": Normal,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "lecun_normal": LeCunNormal,
    "lecun_uniform": LeCunUniform,
    "orthogonal": Orthogonal,
}


def initializer(given: str | Initializer) -> Initializer:
    """Return the initializer of that name, or the given one itself.

    Raises:
        UnknownNameError: no initializer has that name.
    """
    return by_name("initializer", Initializer, INITIALIZERS, given)
