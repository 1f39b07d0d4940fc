"""Optimizers: step for step those of torch.optim, and the forms that papers and books write."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from deepen import optimizers
from deepen.arrays import Array
from deepen.description import from_data, to_data
from deepen.errors import UnknownNameError, UsageError
from deepen.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from harness import difference

ALL: list[Optimizer] = [
    SGD(0.05),
    Momentum(0.02, 0.8),
    Nesterov(0.02, 0.8),
    AdaGrad(0.1),
    RMSprop(0.01, 0.9),
    Adam(0.01, 0.8, 0.99),
    AdamW(0.01, 0.8, 0.99),
]
each_optimizer = pytest.mark.parametrize("optimizer", ALL, ids=lambda o: type(o).__name__)
START = np.random.default_rng(0).standard_normal((3, 4))


def slope(w: Array, step: int) -> Array:
    """Return the gradient of a bowl, steeper in some directions, with noise that changes from step to step."""
    return np.linspace(0.1, 3, w.size).reshape(w.shape) * w + 0.3 * np.cos(step + np.arange(4.0))


def rate_at(optimizer: Optimizer, step: int) -> float:
    return optimizer.learning_rate * (0.6 + 0.4 * math.cos(step / 20))


def fresh(optimizer: Optimizer, dtype: str = "float64") -> tuple[Array, dict[str, Array]]:
    return START.astype(dtype), {slot: np.zeros_like(START, dtype) for slot in optimizer.slots}


def make_step(optimizer: Optimizer, w: Array, g: Array, kept: dict[str, Array], step: int) -> None:
    rate = rate_at(optimizer, step)
    if optimizer.weight_decay:
        g = optimizer.decayed(w, g, rate, optimizer.weight_decay)
    optimizer.update(w, g, kept, step, rate)


@each_optimizer
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_two_hundred_steps_are_those_of_torch(optimizer: Optimizer, decay: float) -> None:
    optimizer = replace(optimizer, weight_decay=decay)
    w, kept = fresh(optimizer)
    theirs = torch.nn.Parameter(torch.from_numpy(START.copy()))
    judge = optimizer.torch(torch.optim, [{"params": [theirs], "weight_decay": decay}])
    for step in range(1, 201):
        make_step(optimizer, w, slope(w, step), kept, step)
        theirs.grad = torch.from_numpy(slope(theirs.detach().numpy(), step))
        judge.param_groups[0]["lr"] = rate_at(optimizer, step)
        judge.step()
        assert difference(w, theirs.detach()) < 1e-8
    for slot, name in optimizer.slots.items():
        assert difference(kept[slot], judge.state[theirs][name]) < 1e-8


@each_optimizer
def test_float32_stays_float32_and_the_gradient_as_it_is(optimizer: Optimizer) -> None:
    numbers = ("learning_rate", "weight_decay", "clip_norm", "average")
    settings: dict[str, Any] = {**dict.fromkeys(numbers, np.float64(0.1)), "accumulate": np.int64(2)}
    optimizer = replace(optimizer, **settings)
    w, kept = fresh(optimizer, "float32")
    g = np.ones_like(w)
    decayed = optimizer.decayed(w, g, 0.1, optimizer.weight_decay)
    optimizer.update(w, decayed, kept, 1, 0.1)
    assert decayed.dtype == w.dtype == np.float32
    assert {type(value) for name, value in vars(optimizer).items() if name != "accumulate"} == {float}
    assert type(optimizer.accumulate) is int
    assert (g == 1).all()


@each_optimizer
def test_json_there_and_back(optimizer: Optimizer) -> None:
    for given in (optimizer, replace(optimizer, weight_decay=0.1, clip_norm=2, average=0.9, accumulate=3)):
        assert from_data(json.loads(json.dumps(to_data(given))), Optimizer) == given


def test_momentum_is_the_textbooks_while_the_rate_stays_the_same() -> None:
    optimizer, (w, kept) = Momentum(0.02, 0.8), fresh(Momentum())
    theta, v = START.copy(), np.zeros_like(START)
    for step in range(1, 50):
        optimizer.update(w, slope(w, step), kept, step, 0.02)
        v = 0.8 * v - 0.02 * slope(theta, step)
        theta += v
        assert difference(w, theta) < 1e-12


def test_nesterov_takes_the_gradient_where_the_velocity_is_about_to_lead() -> None:
    optimizer, (w, kept) = Nesterov(0.02, 0.8), fresh(Nesterov())
    theta, v = START.copy(), np.zeros_like(START)
    for step in range(1, 50):
        optimizer.update(w, slope(w, step), kept, step, 0.02)
        v = 0.8 * v - 0.02 * slope(theta + 0.8 * v, step)
        theta += v
        assert difference(w, theta + 0.8 * v) < 1e-12


def test_nesterov_with_the_new_velocity_in_place_of_the_old_looks_too_far_ahead() -> None:
    rate, mu = 0.02, 0.8
    mistaken, v = START.copy(), np.zeros_like(START)
    theta, u = START.copy(), np.zeros_like(START)
    for step in range(1, 50):
        g = slope(mistaken, step)
        v = mu * v - rate * g
        mistaken += mu * mu * v - (1 + mu) * rate * g
        u = mu * u - rate * slope(theta + (mu + mu**2) * u, step)
        theta += u
        assert difference(mistaken, theta + (mu + mu**2) * u) < 1e-12


def test_first_steps() -> None:
    g = np.array([0.3, -20.0])
    for optimizer, moved in [
        (SGD(), g),
        (AdaGrad(), [1, -1]),
        (RMSprop(smoothing=0.99), [10, -10]),
        (Adam(), [1, -1]),
    ]:
        w = np.zeros(2)
        optimizer.update(w, g, {slot: np.zeros(2) for slot in optimizer.slots}, step=1, rate=0.1)
        assert w == pytest.approx(-0.1 * np.array(moved), rel=1e-6), optimizer


def test_decay_of_adamw_does_not_depend_on_the_gradient() -> None:
    for size in (1e-3, 1e3):
        (w, kept), (plain, plain_kept) = fresh(Adam()), fresh(Adam())
        g = np.full_like(w, size)
        AdamW().update(w, AdamW().decayed(w, g, 0.1, 0.5), kept, 1, 0.1)
        Adam().update(plain, g, plain_kept, 1, 0.1)
        assert w == pytest.approx(plain - 0.1 * 0.5 * START)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SGD(-0.1), r"SGD: the learning rate must be above 0, got -0\.1"),
        (lambda: SGD(math.inf), "the learning rate must be a number, got inf"),
        (lambda: Adam("fast"), "Adam: the learning rate must be a number, got 'fast'"),  # type: ignore[arg-type]
        (lambda: SGD(weight_decay=-1), "the weight decay must be 0 or more, got -1"),
        (lambda: Momentum(momentum=1), "Momentum: the momentum must be from 0 up to, not including, 1, got 1"),
        (lambda: Nesterov(momentum=-0.1), "Nesterov: the momentum must be from 0 up"),
        (lambda: Adam(beta1=1.0), "the beta1 must be from 0 up to, not including, 1, got 1.0"),
        (lambda: AdamW(beta2=-1), "AdamW: the beta2 must be from 0 up to, not including, 1, got -1"),
        (lambda: RMSprop(smoothing=True), "the smoothing must be a number, got True"),
        (lambda: AdaGrad(epsilon=0), "AdaGrad: the epsilon must be above 0, got 0"),
        (lambda: SGD(clip_norm=0), "SGD: the clip norm must be above 0, got 0"),
        (lambda: Adam(average=1), "Adam: the average must be from 0 up to, not including, 1, got 1"),
        (lambda: Adam(accumulate=0), "Adam: the accumulate must be a whole number, 1 or more, got 0"),
        (lambda: SGD(accumulate=1.5), "a whole number, 1 or more, got 1.5"),  # type: ignore[arg-type]
    ],
)
def test_settings_out_of_range_are_errors(make: Callable[[], Optimizer], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


def test_optimizers_as_text() -> None:
    assert optimizers.optimizer("adam=0.003 clip_norm=1 average=0.999") == Adam(0.003, clip_norm=1, average=0.999)
    assert optimizers.optimizer("momentum momentum=0.8 accumulate=4") == Momentum(momentum=0.8, accumulate=4)
    with pytest.raises(UnknownNameError, match="unknown field of the optimizer sgd: 'momentum'"):
        optimizers.optimizer("sgd momentum=0.9")
    with pytest.raises(UsageError, match="SGD: the learning rate must be a number, got 'fast'"):
        optimizers.optimizer("sgd=fast")


def test_optimizers_by_name() -> None:
    assert [type(optimizers.optimizer(name)) for name in optimizers.OPTIMIZERS] == [type(o) for o in ALL]
    assert optimizers.optimizer("Adam") == Adam()
    assert optimizers.optimizer(ALL[0]) is ALL[0]
    with pytest.raises(UnknownNameError, match="unknown optimizer 'rmsprpo'; did you mean 'rmsprop'"):
        optimizers.optimizer("rmsprpo")
