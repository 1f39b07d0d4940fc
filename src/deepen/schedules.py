"""Schedules: the learning rate as a pure function of the step, the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from deepen.description import Described, by_name, register
from deepen.errors import DeepenError


class Schedule(Described):
    """Base of the schedules: a factor for the optimizer's learning rate at each step."""

    def factor(self, step: int, steps: int) -> float:
        """Return the factor at `step` (from 0) of `steps` in all."""
        raise DeepenError(f"{type(self).__name__} lacks factor")


@register
@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate at every step."""

    def factor(self, step: int, steps: int) -> float:
        return 1.0


@register
@dataclass(frozen=True)
class Cosine(Schedule):
    """From the full rate down to 0 along half a cosine, `½ (1 + cos(π t / T))` at step t of T.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, section 3.
    """

    def factor(self, step: int, steps: int) -> float:
        return 0.5 * (1 + cos(pi * step / steps))


SCHEDULES = {"constant": Constant, "cosine": Cosine}


def schedule(given: str | Schedule) -> Schedule:
    """Return the schedule of that name, or the given one itself.

    Raises:
        UnknownNameError: no schedule has that name.
    """
    return by_name("schedule", Schedule, SCHEDULES, given)
