"""The state of a training: what every step changes, and what it is before the first one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from deepen.arrays import Array
from deepen.engines.setup import Setup
from deepen.spec import Param


@dataclass
class State:
    """All that the next step depends on, as NumPy arrays by path."""

    parameters: dict[str, Array]
    statistics: dict[str, Array]
    slots: dict[str, dict[str, Array]]
    """The optimizer's arrays: name of the slot → path of the parameter → array."""
    steps: int = 0
    """How many updates the optimizer has made."""
    average: dict[str, Array] = field(default_factory=dict)
    """The moving average of parameters and statistics by path; empty where the optimizer keeps none."""

    def copy(self) -> State:
        """Return a state that shares no memory with this one."""
        slots = {slot: _copies(arrays) for slot, arrays in self.slots.items()}
        return State(_copies(self.parameters), _copies(self.statistics), slots, self.steps, _copies(self.average))

    @property
    def evaluated(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Parameters and statistics as evaluation uses them: their moving average where there is one."""
        if not self.average:
            return self.parameters, self.statistics
        return {path: self.average[path] for path in self.parameters}, {
            path: self.average[path] for path in self.statistics
        }


def _copies(arrays: dict[str, Array]) -> dict[str, Array]:
    return {path: array.copy() for path, array in arrays.items()}


def arranged(setup: Setup, state: State) -> State:
    """Return a copy of a state in the order of the network, whatever order a file had."""

    def those(paths: Iterable[str], arrays: dict[str, Array]) -> dict[str, Array]:
        return {path: arrays[path].copy() for path in paths}

    return State(
        those(setup.parameters, state.parameters),
        those(setup.statistics, state.statistics),
        {slot: those(setup.trainable, state.slots[slot]) for slot in setup.optimizer.slots},
        state.steps,
        those((*setup.parameters, *setup.statistics), state.average) if state.average else {},
    )


def initial_state(setup: Setup) -> State:
    """Return the state before training: the same for one seed in every engine."""

    def first(params: dict[str, Param]) -> dict[str, Array]:
        return {
            path: param.initializer.sample(param.shape, setup.seed, path).astype(setup.dtype)
            for path, param in params.items()
        }

    return fresh_state(setup, first(setup.parameters), first(setup.statistics))


def begun_with(
    setup: Setup, weights: tuple[dict[str, Array], dict[str, Array]] | None, arrays: Mapping[str, Array]
) -> State:
    """Return the state before training that begins with some arrays by path, and else with its own weights.

    Args:
        setup: the model that begins.
        weights: its own parameters and statistics; None where they are the first ones of its seed.
        arrays: what takes their place; other paths than the model's are passed over.
    """
    if weights is None:
        first = initial_state(setup)
        weights = first.parameters, first.statistics
    for own in weights:
        own.update({path: arrays[path].astype(setup.dtype) for path in own if path in arrays})
    return fresh_state(setup, *weights)


def fresh_state(setup: Setup, parameters: dict[str, Array], statistics: dict[str, Array]) -> State:
    """Return the state of an optimizer that has made no step yet, with these weights."""
    slots = {
        slot: {path: np.zeros_like(parameters[path]) for path in setup.trainable} for slot in setup.optimizer.slots
    }
    average = _copies({**parameters, **statistics}) if setup.optimizer.average else {}
    return State(parameters, statistics, slots, average=average)
