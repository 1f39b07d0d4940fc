"""Initializers: their distributions, their limits, and that a draw stays what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from deepen import initializers
from deepen.description import from_data, to_data
from deepen.errors import DeepenError, UnknownNameError, UsageError
from deepen.initializers import (
    ConstantValue,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Ones,
    Orthogonal,
    Zeros,
    fans,
)
from deepen.spec import Initializer

SHAPE = (64, 32, 3, 5)
FAN_IN, FAN_OUT = 480, 960
NORMAL = [
    (HeNormal(), sqrt(2 / FAN_IN)),
    (GlorotNormal(), sqrt(2 / (FAN_IN + FAN_OUT))),
    (LeCunNormal(), sqrt(1 / FAN_IN)),
    (Normal(), 0.01),
    (Normal(0.5), 0.5),
]
UNIFORM = [
    (HeUniform(), sqrt(6 / FAN_IN)),
    (GlorotUniform(), sqrt(6 / (FAN_IN + FAN_OUT))),
    (LeCunUniform(), sqrt(3 / FAN_IN)),
]
FIXED: list[Initializer] = [Zeros(), Ones(), ConstantValue(0.25), Orthogonal(), Orthogonal(2)]
ALL = [*FIXED, *(found for found, _ in NORMAL + UNIFORM)]


def test_fans_are_computed_from_the_shape() -> None:
    assert fans(SHAPE) == (FAN_IN, FAN_OUT)
    assert fans((10, 50)) == (50, 10)


@pytest.mark.parametrize(("initializer", "deviation"), NORMAL, ids=repr)
def test_normal_ones_have_the_moments_of_their_distribution(initializer: Initializer, deviation: float) -> None:
    x = initializer.sample(SHAPE, 0, "conv1.kernel").ravel() / deviation
    # Each bound is four deviations of the moment's estimate from this many numbers.
    assert abs(x.mean()) < 4 * sqrt(1 / x.size)
    assert abs((x**2).mean() - 1) < 4 * sqrt(2 / x.size)
    assert abs((x**4).mean() - 3) < 4 * sqrt(96 / x.size)


@pytest.mark.parametrize(("initializer", "limit"), UNIFORM, ids=repr)
def test_uniform_ones_keep_to_their_limits_and_fill_them(initializer: Initializer, limit: float) -> None:
    x = initializer.sample(SHAPE, 0, "conv1.kernel").ravel() / limit
    assert 0.999 < x.max() < 1
    assert -1 < x.min() < -0.999
    assert abs(x.mean()) < 4 * sqrt(1 / 3 / x.size)
    assert abs((x**2).mean() - 1 / 3) < 4 * sqrt(4 / 45 / x.size)


def test_uniform_and_normal_forms_have_the_same_deviation() -> None:
    for (_, deviation), (_, limit) in zip(NORMAL, UNIFORM, strict=False):
        assert limit == pytest.approx(sqrt(3) * deviation)


@pytest.mark.parametrize("shape", [(5, 5), (4, 9), (9, 4), (6, 2, 3, 3), (20, 1, 3, 3)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...], gain: float) -> None:
    w = Orthogonal(gain).sample(shape, 0, "dense1.kernel").reshape(shape[0], -1)
    product = w @ w.T if len(w) <= w.shape[1] else w.T @ w
    assert product == pytest.approx(gain**2 * np.eye(len(product)), abs=1e-14)


def test_every_orthogonal_matrix_is_as_likely_as_any_other() -> None:
    # A uniformly drawn one has a trace of mean 0 and variance 1; without turned signs the mean is far below 0.
    traces = [np.trace(Orthogonal().sample((4, 4), seed, "dense1.kernel")) for seed in range(400)]
    assert abs(np.mean(traces)) < 4 * sqrt(1 / 400)
    assert abs(np.var(traces) - 1) < 4 * sqrt(2 / 400)


def test_fixed_ones() -> None:
    for initializer, value in [(Zeros(), 0), (Ones(), 1), (ConstantValue(0.25), 0.25)]:
        x = initializer.sample((2, 3), 0, "norm1.gamma")
        assert x.shape == (2, 3)
        assert (x == value).all()


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_samples_depend_on_seed_and_path_alone(initializer: Initializer) -> None:
    first, again = (initializer.sample((4, 3, 2, 2), 7, "conv1.kernel") for _ in range(2))
    assert first.dtype == np.float64
    assert first.shape == (4, 3, 2, 2)
    assert (first == again).all()
    if not isinstance(initializer, (Zeros, Ones, ConstantValue)):
        for seed, path in [(8, "conv1.kernel"), (7, "conv2.kernel")]:
            assert (first != initializer.sample((4, 3, 2, 2), seed, path)).any()


@pytest.mark.parametrize(
    ("initializer", "begins"),
    [
        (HeNormal(), [0.10720733, -0.59498009, -0.18890522]),
        (GlorotNormal(), [0.07018367, -0.3895059, -0.1236675]),
        (GlorotUniform(), [0.20560168, -0.14289707, 0.29628998]),
    ],
)
def test_samples_stay_what_they_were(initializer: Initializer, begins: list[float]) -> None:
    assert initializer.sample((4, 3, 2, 2), 7, "conv1.kernel").ravel()[:3] == pytest.approx(begins, abs=1e-8)


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_json_there_and_back(initializer: Initializer) -> None:
    assert from_data(json.loads(json.dumps(to_data(initializer))), Initializer) == initializer


def test_initializers_by_name() -> None:
    for name, kind in initializers.INITIALIZERS.items():
        assert initializers.initializer(name) == kind()
    assert initializers.initializer("xavier_uniform") == GlorotUniform()
    with pytest.raises(UnknownNameError, match="did you mean 'he_normal'"):
        initializers.initializer("henormal")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Normal(0), "Normal: the deviation must be above 0, got 0"),
        (lambda: Orthogonal(-1), "Orthogonal: the gain must be above 0, got -1"),
        (lambda: ConstantValue("one"), "ConstantValue: the value must be a number, got 'one'"),  # type: ignore[arg-type]
    ],
)
def test_settings_out_of_range_are_errors(make: Callable[[], Initializer], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


def test_a_bias_has_no_fans() -> None:
    with pytest.raises(DeepenError, match=r'shape \(10,\) is no kernel and has no fans; .* such as "zeros"'):
        HeNormal().sample((10,), 0, "dense1.bias")
