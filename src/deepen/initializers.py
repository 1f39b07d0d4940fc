"""What parameters hold before training. Fans are computed from the shape, never written down by hand."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.description import by_name, register
from deepen.paths import Shape
from deepen.spec import Initializer


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs feed one output, and how many outputs one input feeds.

    For a convolution kernel `(filters, channels, height, width)` they are channels·height·width and
    filters·height·width; for a dense kernel `(units, inputs)` they are inputs and units.
    """
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


def _normal(shape: Shape, seed: int, path: str, deviation: float) -> Array:
    return deviation * randomness.normal(seed, f"initial {path}", prod(shape)).reshape(shape)


@register
@dataclass(frozen=True)
class HeNormal(Initializer):
    """Normal with deviation √(2 / fan_in), for layers before a ReLU (He et al., 2015, section 2.2)."""

    def sample(self, shape: Shape, seed: int, path: str) -> Array:
        return _normal(shape, seed, path, sqrt(2 / fans(shape)[0]))


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
        limit = sqrt(6 / sum(fans(shape)))
        u = randomness.open_uniform(seed, f"initial {path}", prod(shape)).reshape(shape)
        return limit * (2 * u - 1)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "he_normal": HeNormal,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
}


def initializer(given: str | Initializer) -> Initializer:
    """Return the initializer of that name, or the given one itself.

    Raises:
        UnknownNameError: no initializer has that name.
    """
    return by_name("initializer", Initializer, INITIALIZERS, given)
