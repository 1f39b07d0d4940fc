"""Schedules: step for step those of torch.optim, and pure functions of the step."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from deepen.description import from_data, to_data
from deepen.errors import UnknownNameError, UsageError
from deepen.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Schedule,
    Step,
    Warmup,
    schedule,
)

ALL: list[Schedule] = [
    Constant(),
    Step(0.5, every=3),
    Exponential(0.8),
    Cosine(),
    OneCycle(0.2, start=0.1, end=0.001),
    Warmup(0.5, "one_cycle", start=0.0),
]

SHARES = st.floats(0.01, 0.99)


def run(given: Schedule, epochs: int, epoch_steps: int) -> list[float]:
    """Return the factors of a whole training."""
    steps = epochs * epoch_steps
    return [given.factor(step, steps, epoch_steps) for step in range(steps)]


def torch_run(make: Any, steps: int, *, every: int = 1) -> list[float]:
    """Return the rates of a scheduler of torch.optim that is told of every step, or of every epoch's end."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make(optimizer), []
    for step in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if (step + 1) % every == 0 and step + 1 < steps:
            scheduler.step()
    return rates


def test_constant() -> None:
    assert run(Constant(), 3, 2) == [1.0] * 6


@settings(max_examples=25, deadline=None)
@given(SHARES, st.integers(1, 4), st.integers(1, 12), st.integers(1, 5))
def test_step_is_that_of_torch(decay: float, every: int, epochs: int, epoch_steps: int) -> None:
    theirs = torch_run(lambda o: lr_scheduler.StepLR(o, every, decay), epochs * epoch_steps, every=epoch_steps)
    assert run(Step(decay, every), epochs, epoch_steps) == pytest.approx(theirs, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(SHARES, st.integers(1, 12), st.integers(1, 5))
def test_exponential_is_that_of_torch(decay: float, epochs: int, epoch_steps: int) -> None:
    theirs = torch_run(lambda o: lr_scheduler.ExponentialLR(o, decay), epochs * epoch_steps, every=epoch_steps)
    assert run(Exponential(decay), epochs, epoch_steps) == pytest.approx(theirs, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 10))
def test_cosine_is_that_of_torch(epochs: int, epoch_steps: int) -> None:
    steps = epochs * epoch_steps
    theirs = torch_run(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=steps), steps)
    # Theirs goes from each rate to the next: its rounding is that of the full rate.
    assert run(Cosine(), epochs, epoch_steps) == pytest.approx(theirs, rel=1e-12, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(SHARES, SHARES, SHARES, st.integers(1, 20), st.integers(1, 10))
def test_one_cycle_is_that_of_torch(rise: float, start: float, end: float, epochs: int, epoch_steps: int) -> None:
    steps = epochs * epoch_steps
    theirs = torch_run(
        lambda o: lr_scheduler.OneCycleLR(
            o,
            max_lr=1.0,
            total_steps=steps,
            pct_start=rise,
            cycle_momentum=False,
            div_factor=1 / start,
            final_div_factor=start / end,
        ),
        steps,
    )
    assert run(OneCycle(rise, start, end), epochs, epoch_steps) == pytest.approx(theirs, rel=1e-12, abs=1e-12)


def test_one_cycle_has_the_divisors_of_torch() -> None:
    theirs = torch_run(
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=100, cycle_momentum=False), 100
    )
    ours = run(OneCycle(), 10, 10)
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12)
    assert ours[29] == max(ours) == 1
    assert (ours[0], ours[-1]) == pytest.approx((1 / 25, 1 / 25 / 1e4))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 19), st.integers(0, 30), SHARES)
def test_warmup_is_that_of_torch(warm: int, rest: int, start: float) -> None:
    steps = warm + rest + 1

    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.SequentialLR:
        first = lr_scheduler.LinearLR(optimizer, start, total_iters=warm)
        then = lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warm)
        return lr_scheduler.SequentialLR(optimizer, [first, then], [warm])

    ours = [Warmup(warm / 10, "cosine", start).factor(step, steps, 10) for step in range(steps)]
    assert ours == pytest.approx(torch_run(make, steps), rel=1e-12, abs=1e-12)


def test_the_schedule_after_the_warm_up_counts_from_there() -> None:
    factors = run(Warmup(1.5, Step(0.5, every=1), start=0.25), epochs=4, epoch_steps=2)
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.5, 0.5, 0.25])


def test_a_warm_up_of_less_than_half_a_step_is_none() -> None:
    assert run(Warmup(0.04, "constant"), epochs=1, epoch_steps=10) == [1.0] * 10


@pytest.mark.parametrize("epochs", [2, 3])
def test_a_warm_up_leaves_something_of_the_training(epochs: int) -> None:
    with pytest.raises(
        UsageError, match=f"Warmup: {epochs} epochs of warm-up leave nothing of 2 epochs of training"
    ):
        Warmup(epochs).factor(0, 20, 10)


@pytest.mark.parametrize("given", ALL, ids=lambda s: type(s).__name__)
def test_one_step_is_a_training(given: Schedule) -> None:
    assert 0 <= given.factor(0, 1, 1) <= 1


@pytest.mark.parametrize("given", ALL, ids=lambda s: type(s).__name__)
def test_the_learning_rate_is_the_largest_there_is(given: Schedule) -> None:
    factors = run(given, 12, 7)
    assert max(factors) <= 1
    assert min(factors) >= 0
    assert {type(factor) for factor in factors} == {float}


@pytest.mark.parametrize("given", ALL, ids=lambda s: type(s).__name__)
def test_json_there_and_back(given: Schedule) -> None:
    assert from_data(json.loads(json.dumps(to_data(given))), Schedule) == given


def test_numbers_of_numpy_become_those_of_python() -> None:
    warmup = Warmup(np.float32(0.5), Step(np.float64(0.5), np.int64(2)), np.float64(0.5))
    assert {type(warmup.factor(step, 40, 4)) for step in range(40)} == {float}
    assert json.dumps(to_data(warmup))


def test_every_schedule_has_a_name() -> None:
    assert {*SCHEDULES.values()} == {type(one) for one in ALL}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", Constant()),
        ("step=0.5 every=7", Step(0.5, 7)),
        ("exponential=0.95", Exponential(0.95)),
        ("one_cycle", OneCycle(0.3, 1 / 25, 1 / 25e4)),
        ("one_cycle=0.1 end=0", OneCycle(0.1, end=0)),
        ("warmup", Warmup(1, "cosine", 0.1)),
        ("warmup=0.5 then=exponential=0.9", Warmup(0.5, Exponential(0.9))),
    ],
)
def test_schedules_as_text(text: str, expected: Schedule) -> None:
    assert schedule(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("step=0", "Step: the decay must be above 0, got 0"),
        ("step=2", "Step: the decay must be from 0 up to, not including, 1, got 2"),
        ("step every=1.5", "Step: the every must be a whole number, 1 or more, got 1.5"),
        ("exponential=fast", "Exponential: the decay must be a number, got 'fast'"),
        ("one_cycle rise=1", "OneCycle: the rise must be from 0 up to, not including, 1"),
        ("one_cycle start=25", "OneCycle: the start must be from 0 up to, not including, 1"),
        ("one_cycle end=-1", "OneCycle: the end must be from 0"),
        ("warmup=0", "Warmup: the epochs must be above 0"),
        ("warmup start=1", "Warmup: the start must be from 0 up to, not including, 1"),
        ("warmup then=7", "schedule: give a name or a Schedule, got 7"),
    ],
)
def test_wrong_fields(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        schedule(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("cosinus", "did you mean 'cosine'"),
        ("warmup then=cosinus", "did you mean 'cosine'"),
        ("step evry=3", "did you mean 'every'"),
        ("x", "known: constant, cosine, exponential, one_cycle, step, warmup"),
    ],
)
def test_unknown_names(text: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=hint):
        schedule(text)
