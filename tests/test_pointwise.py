"""What the case table does not say of activations, normalizations and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.errors import DeepenError
from deepen.layers import (
    ELU,
    GELU,
    Dropout,
    GroupNormalization,
    LeakyReLU,
    LocalResponseNormalization,
    Normalize,
    OriginalDropout,
    ScaledTanh,
    Tanh,
)
from deepen.layers.activation import ACTIVATIONS, Activation
from deepen.spec import Layer
from harness import Inputs, difference, random_inputs, run_numpy, run_torch

EVALUATION = Context(Pass())

each_activation = pytest.mark.parametrize("activation", [made() for made in ACTIVATIONS.values()], ids=ACTIVATIONS)


@pytest.mark.parametrize(
    ("activation", "x", "y"),
    [
        (LeakyReLU(0.1), [-2, 0, 3], [-0.2, 0, 3]),
        (ELU(2), [-1, 0, 3], [2 * (np.exp(-1) - 1), 0, 3]),
        (GELU(), [-1, 0, 1], [-0.15865525393145707, 0, 0.8413447460685429]),
        (Tanh(), [-0.5, 0, 0.5], [-0.46211715726000976, 0, 0.46211715726000976]),
        (ScaledTanh(), [-1, 0, 1], [-1, 0, 1]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Activation) else None,
)
def test_values_of_activations(activation: Activation, x: list[float], y: list[float]) -> None:
    # LeNet-5's constants are rounded: ±1 comes out to 5 digits.
    assert np.allclose(activation.value(np.array(x, "float64")), y, rtol=1e-5)


@each_activation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_of_huge_numbers_are_finite(activation: Activation, dtype: str) -> None:
    x = np.array([[-1e30, -1e3, -40, 0, 40, 1e3, 1e30]], dtype)
    y, kept = activation.forward(x, {}, EVALUATION)
    dx, _ = activation.backward(np.ones_like(x), {}, kept)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    assert y.dtype == dx.dtype == dtype


@each_activation
def test_activations_hand_nan_on(activation: Activation) -> None:
    assert np.isnan(activation.value(np.full((1, 1), np.nan))).all()


@each_activation
def test_activation_written_over_its_input(activation: Activation) -> None:
    def run(overwrite: bool) -> tuple[Any, Any]:
        x = torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(3, 4).requires_grad_()
        y = activation.torch_value(F, x * 1, overwrite=overwrite)
        return y, torch.autograd.grad((y * torch.arange(4)).sum(), x)[0]

    for over, beside in zip(run(True), run(False), strict=True):
        torch.testing.assert_close(over, beside, rtol=1e-12, atol=0)


def test_gelu_keeps_its_digits_far_below_0() -> None:
    assert GELU().value(np.array([-10.0]))[0] == pytest.approx(-7.61985302416e-23, rel=1e-9)


@given(
    size=st.integers(1, 8),
    channels=st.integers(1, 7),
    alpha=st.floats(0, 2),
    beta=st.floats(0, 2),
    k=st.floats(0.5, 3),
)
@settings(max_examples=30)
def test_local_response_normalization_is_the_papers_sum(
    size: int, channels: int, alpha: float, beta: float, k: float
) -> None:
    layer = LocalResponseNormalization(size, alpha, beta, k)
    given = random_inputs(layer, (channels, 2, 1))
    ours = run_numpy(layer, given, training=True)
    assert difference(ours.dx, run_torch(layer, given, training=True).dx) < 1e-10

    for c in range(channels):
        first, last = max(0, c - size // 2), min(channels - 1, c + (size - 1) // 2)
        strength = k + alpha * (given.x[:, first : last + 1] ** 2).sum(axis=1)
        assert np.allclose(ours.y[:, c], given.x[:, c] / strength**beta, rtol=1e-12)


@given(groups=st.integers(1, 4), width=st.integers(1, 3), size=st.integers(2, 4), batch=st.integers(1, 3))
@settings(max_examples=20)
def test_group_normalization_normalizes_each_group(groups: int, width: int, size: int, batch: int) -> None:
    layer = GroupNormalization(groups, epsilon=1e-12)
    shape = (groups * width, size, size)
    given = random_inputs(layer, shape, batch)
    ours, theirs = run_numpy(layer, given, training=True), run_torch(layer, given, training=True)
    assert difference(ours.y, theirs.y) < 1e-10
    assert difference(ours.dx, theirs.dx) < 1e-9

    given.parameters = {"gamma": np.ones(shape[0]), "beta": np.zeros(shape[0])}
    grouped = run_numpy(layer, given, training=False).y.reshape(batch, groups, -1)
    assert np.allclose(grouped.mean(axis=2), 0)
    assert np.allclose(grouped.var(axis=2), 1)


def _plain(layer: Layer, shape: tuple[int, ...]) -> tuple[Inputs, Array]:
    given = random_inputs(layer, shape)
    given.parameters = {"gamma": np.ones(shape[0]), "beta": np.zeros(shape[0])}
    return given, run_numpy(layer, given, training=True).y


def test_one_group_is_layer_normalization() -> None:
    given, y = _plain(GroupNormalization(1), (4, 3, 2))
    assert difference(y, F.layer_norm(torch.from_numpy(given.x), (4, 3, 2)).numpy()) < 1e-12


def test_a_group_per_channel_is_instance_normalization() -> None:
    given, y = _plain(GroupNormalization(4), (4, 3, 2))
    assert difference(y, F.instance_norm(torch.from_numpy(given.x)).numpy()) < 1e-12


def test_both_dropouts_drop_the_same() -> None:
    given = random_inputs(Dropout(0.4), (50,))
    usual, original = (run_numpy(layer, given, training=True) for layer in (Dropout(0.4), OriginalDropout(0.4)))
    assert 0 < (original.y == 0).mean() < 1
    assert ((usual.y == 0) == (original.y == 0)).all()
    assert (original.y == np.where(original.y == 0, 0, given.x)).all()
    assert np.allclose(run_numpy(OriginalDropout(0.4), given, training=False).y, given.x * 0.6, rtol=1e-15)


def test_original_dropout_off_changes_nothing() -> None:
    given = random_inputs(OriginalDropout(0), (5,))
    for training in (True, False):
        assert (run_numpy(OriginalDropout(0), given, training).y == given.x).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: LeakyReLU(-0.1), "LeakyReLU: the slope must be 0 or more, got -0.1"),
        (lambda: LeakyReLU(float("nan")), "the slope must be a number, got nan"),
        (lambda: LeakyReLU("steep"), "LeakyReLU: the slope must be a number, got 'steep'"),  # type: ignore[arg-type]
        (lambda: ELU(float("inf")), "ELU: the alpha must be a number, got inf"),
        (lambda: ELU(True), "ELU: the alpha must be a number, got True"),
        (lambda: OriginalDropout(1), "OriginalDropout: the rate must be from 0 up to, not including, 1"),
        (lambda: LocalResponseNormalization(0), "size must be a whole number, 1 or more, got 0"),
        (lambda: LocalResponseNormalization(alpha=-1), "the alpha must be 0 or more, got -1"),
        (lambda: LocalResponseNormalization(beta=-1), "the beta must be 0 or more, got -1"),
        (lambda: LocalResponseNormalization(k=0), "the k must be above 0, got 0"),
        (lambda: GroupNormalization(0), "groups must be a whole number, 1 or more, got 0"),
        (
            lambda: GroupNormalization(2, epsilon=0),
            "GroupNormalization: the epsilon must be above 0, got 0",
        ),
    ],
)
def test_wrong_fields(make: Any, says: str) -> None:
    with pytest.raises(DeepenError) as caught:
        make()
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "layer",
    [
        LeakyReLU(np.float64(0.1)),
        ELU(np.float64(0.1)),
        ELU(np.float32(0.5)),  # type: ignore[arg-type]
        LocalResponseNormalization(np.int64(3), np.float64(0.1), np.float64(0.5), np.float64(1)),  # type: ignore[arg-type]
        GroupNormalization(np.int64(2), np.float64(0.1)),  # type: ignore[arg-type]
        OriginalDropout(np.float64(0.5)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_numpy_numbers_keep_float32(layer: Layer) -> None:
    for training in (True, False):
        result = run_numpy(layer, random_inputs(layer, (2, 3, 4), dtype="float32"), training)
        assert result.y.dtype == result.dx.dtype == "float32"


def test_normalize_keeps_the_type_of_its_input_in_pytorch() -> None:
    x = torch.ones(2, 2, 1, 1, dtype=torch.bfloat16)
    for layer in (Normalize(0.5, 0.25), Normalize((0.5, 0), (0.25, 0.5))):
        y = layer.torch_forward(F, x, {}, EVALUATION)
        assert (y == 2).all()
        assert y.dtype == torch.bfloat16
