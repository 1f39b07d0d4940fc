"""Schedules: the learning rate as a pure function of the step, the same in every engine.

A schedule gives the factor by which the optimizer's learning rate is multiplied. Steps count from 0, each has one
rate, and nothing is remembered: training that goes on after an interruption only has to know its step.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import cast

from deepen import fields
from deepen.description import Described, by_name, register
from deepen.errors import DeepenError, UsageError


class Schedule(Described):
    """Base of the schedules: a factor for the optimizer's learning rate at each step."""

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        """Return the factor at `step` (from 0) of `steps` in all, of which an epoch has `epoch_steps`."""
        raise DeepenError(f"{type(self).__name__} lacks factor")


@register
@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step."""

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        return 1.0


@register
@dataclass(frozen=True)
class Step(Schedule):
    """Multiply the rate by γ = `decay` after every n = `every` epochs: `γ^⌊e / n⌋` in epoch e, from 0.

    Raises:
        UsageError: the decay is not between 0 and 1, or `every` is no whole number of at least 1.

    Source: He et al., "Deep residual learning for image recognition", 2015, section 4.2, divides the rate by 10.
    """

    decay: float = 0.1
    every: int = 10

    def __post_init__(self) -> None:
        _check_decay(self)
        fields.at_least_1(self, "every")

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        return self.decay ** (step // epoch_steps // self.every)


@register
@dataclass(frozen=True)
class Exponential(Schedule):
    """Multiply the rate by γ = `decay` after each epoch: `γ^e` in epoch e, from 0.

    Raises:
        UsageError: the decay is not between 0 and 1.
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        _check_decay(self)

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        return self.decay ** (step // epoch_steps)


@register
@dataclass(frozen=True)
class Cosine(Schedule):
    """From the full rate down to 0 along half a cosine, `½ (1 + cos(π t / T))` at step t of T.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, section 3.
    """

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        return _along_cosine(1.0, 0.0, step / steps)


@register
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the full rate within the first steps, then down far below the start, along half a cosine each.

    From step 0 to step p = `rise · T − 1` of T the factor goes from `start` to 1, from there to step T − 1 it goes
    from 1 to `end`; where p is below 0, that is the part of the way down that begins at step 0. The momentum stays
    as it is. torch.optim says the same with divisors: div_factor is `1 / start`, final_div_factor `start / end`.

    Raises:
        UsageError: a field is not from 0 up to 1.

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018, section 3; cosines in place of straight lines are fastai's.
    """

    rise: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 250_000

    def __post_init__(self) -> None:
        for field in ("rise", "start", "end"):
            fields.share(self, field)

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        peak = self.rise * steps - 1
        if step < peak:
            return _along_cosine(self.start, 1.0, step / peak)
        return _along_cosine(1.0, self.end, (step - peak) / (steps - 1 - peak))


@register
@dataclass(frozen=True)
class Warmup(Schedule):
    """Up from `start` to the full rate in a straight line, over `epochs`, and `then` another schedule.

    `start + (1 − start) t / n` at step t of n, the steps of so many epochs, rounded; fractions of an epoch are
    allowed. The other schedule sees what is left as a training of its own: its step 0 is step n.

    Raises:
        UsageError: a field is out of range, or (when asked for a factor) the warm-up takes the whole training.
        UnknownNameError: no schedule has the name that `then` gives.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2.
    """

    epochs: float = 1.0
    then: str | Schedule = "cosine"
    start: float = 0.1

    def __post_init__(self) -> None:
        fields.above_0(self, "epochs")
        fields.share(self, "start")
        self.set_field("then", schedule(self.then))

    def factor(self, step: int, steps: int, epoch_steps: int) -> float:
        warm = round(self.epochs * epoch_steps)
        if warm >= steps:
            raise UsageError(
                f"Warmup: {self.epochs:g} epochs of warm-up leave nothing of {steps / epoch_steps:g} epochs of "
                "training; train longer, or warm up for less (part of an epoch will do, such as 0.5)"
            )
        if step < warm:
            return self.start + (1 - self.start) * step / warm
        return cast(Schedule, self.then).factor(step - warm, steps - warm, epoch_steps)


def _along_cosine(start: float, end: float, way: float) -> float:
    """Return what lies between start and end when a share `way` of half a cosine is done."""
    return end + (start - end) / 2 * (1 + cos(pi * way))


def _check_decay(owner: Schedule) -> None:
    fields.above_0(owner, "decay")
    fields.share(owner, "decay")


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "warmup": Warmup,
}


def schedule(given: str | Schedule) -> Schedule:
    """Return the schedule that a text such as `"step=0.1 every=5"` means, or the given one itself.

    Raises:
        UnknownNameError: no schedule has that name, or it has no such field.
        UsageError: a field cannot have such a value.
    """
    return by_name("schedule", Schedule, SCHEDULES, given)
