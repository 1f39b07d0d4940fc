"""Many small networks compiled as one: the templates that they share are read and compiled once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.context import Pass
from deepen.engines import Setup, State
from deepen.engines.base import initial_state
from deepen.engines.native.compiler import Compiler, load_program
from deepen.engines.native.optimizers import Arena
from deepen.engines.native.program import Images, Program
from deepen.engines.native.routine_text import emit_routine
from deepen.engines.native.source import Routine, plan_routine, source
from deepen.engines.numpy_engine import compute_gradients, training_pass
from deepen.randomness import Moment

CORES = 2
ATTEMPTS = 20
"""How often numbers are drawn until none is near a tie."""
LEAST = 1e-2
"""Gradients smaller than this share of the largest one are compared with that share."""
NUDGE, JUMP = 1e-6, 1e-4
"""Where moving all numbers by the first share moves a result by the second one, something is near a tie."""
MOMENT = Moment(1, 2, 5)

STEP = Routine("step", training=True, backward=True)
"""As in training: everything that can be fused is."""
TRAINED = Routine("trained", training=True, backward=True, input_gradient=True, watched=("",))
EVALUATED = Routine("evaluated", backward=True, input_gradient=True, watched=("",))
ROUTINES = (STEP, TRAINED, EVALUATED)


@dataclass(frozen=True)
class Result:
    """What a routine gives for a batch."""

    loss: float
    outputs: Array | None
    """None where they are not looked at."""
    input: Array | None
    """The gradient with respect to the images; None where it is not asked for."""
    gradients: dict[str, Array]
    statistics: dict[str, Array]
    """The running statistics as they become."""

    def arrays(self) -> dict[str, Array]:
        """Return everything by a name of its own."""
        found = {"loss": np.array(self.loss), "outputs": self.outputs, "input": self.input}
        known = {name: array for name, array in found.items() if array is not None}
        return {**known, **self.gradients, **self.statistics}


@dataclass(frozen=True)
class Given:
    """What a network computes from: numbers of float64, or of float32 for a network of these."""

    state: State
    images: Array
    targets: Array
    """Class numbers or rows."""


def draw(setup: Setup, count: int, seed: int = 0) -> Given:
    """Draw everything at random around the first weights; variances are positive."""
    rng = np.random.default_rng(seed)
    state = initial_state(replace(setup, dtype="float64"))
    for weights in state.parameters.values():
        weights += 0.2 * rng.standard_normal(weights.shape)
    for path, statistic in state.statistics.items():
        state.statistics[path] = abs(rng.standard_normal(statistic.shape)) + 0.3
    images = rng.standard_normal((count, *setup.input_shape))
    targets = rng.random((count, setup.classes))
    return Given(state, images, targets / targets.sum(axis=1, keepdims=True))


def steady(setup: Setup, count: int) -> Given:
    """Draw numbers of float32, kept in float64, among which rounding decides nothing.

    Of two values almost alike, rounding may make the other one the larger, or bring one to the other side of zero,
    and then max pooling or a ReLU sends the gradient elsewhere. Where that is near, NumPy's own results jump when
    all numbers are moved a little; then others are drawn.
    """
    routine = TRAINED
    for seed in range(ATTEMPTS):
        given = _moved(draw(setup, count, seed), 0, 0)
        found = judge(setup, given, routine)
        moved = [judge(setup, _moved(given, NUDGE, attempt), routine) for attempt in range(2)]
        if all(max(distances(other, found).values()) < JUMP for other in moved):
            return given
    raise AssertionError("all numbers that were drawn are near ties")


def _moved(given: Given, share: float, seed: int) -> Given:
    """Return the numbers, each changed by up to that share of itself, rounded to float32."""
    rng = np.random.default_rng(seed)

    def near(array: Array) -> Array:
        return (array * (1 + share * rng.uniform(-1, 1, array.shape))).astype("float32").astype("float64")

    state = given.state.copy()
    state.parameters = {path: near(array) for path, array in state.parameters.items()}
    state.statistics = {path: near(array) for path, array in state.statistics.items()}
    return Given(state, near(given.images), given.targets.astype("float32").astype("float64"))


def distances(found: Result, right: Result) -> dict[str, float]:
    """Return how far each array is from what is right, relative to the largest number there."""
    ours, theirs = found.arrays(), right.arrays()
    assert ours.keys() == theirs.keys()
    gradients = [*right.gradients, "input"]
    sizes = {name: float(abs(array).max(initial=0)) for name, array in theirs.items()}
    # What is 0 but for rounding, as the gradient of a bias before a normalization, has no size of its own.
    least = LEAST * max((sizes[name] for name in gradients if name in sizes), default=0)
    return {
        name: float(abs(ours[name] - array).max(initial=0))
        / max(sizes[name], least if name in gradients else 0, np.finfo("float64").tiny)
        for name, array in theirs.items()
    }


def judge(setup: Setup, given: Given, routine: Routine) -> Result:
    """Compute the same in NumPy, in float64."""
    setup = replace(setup, dtype="float64")
    run = training_pass(setup, MOMENT) if routine.training else Pass()
    found = compute_gradients(setup, given.state, given.images, given.targets, run)
    gradients = {path: found.parameters[path] for path in setup.trainable}
    outputs = found.outputs if routine.watched else None
    statistics = {**given.state.statistics, **found.updates}
    return Result(found.loss, outputs, found.input if routine.input_gradient else None, gradients, statistics)


class Unit:
    """Networks of one type of numbers, compiled together.

    Args:
        setups: what they compute, each under a name that C++ allows.
        compiler: what compiles them.
        options: of the compiler; usually it need not take its time, as how fast they run does not matter.
    """

    def __init__(
        self, setups: Mapping[str, Setup], compiler: Compiler, options: tuple[str, ...] = ("-O1",)
    ) -> None:
        (self.dtype,) = {setup.dtype for setup in setups.values()}
        self.setups = dict(setups)
        self.routines = {name: _routines(setup) for name, setup in setups.items()}
        texts = {name: source(setup, self.routines[name], name) for name, setup in setups.items()}
        by_length = sorted(texts, key=lambda name: -len(texts[name]))
        parts = [part for part in (by_length[core::CORES] for core in range(CORES)) if part]

        def compiled(part: list[str]) -> dict[str, Program]:
            library = load_program("\n".join(texts[name] for name in part), self.dtype)
            return {name: Program(library, [r.name for r in self.routines[name]], CORES, name) for name in part}

        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(CORES) as pool:
            patch.setenv("DEEPEN_CXX", shlex.join([*compiler.command, *options]))
            found = list(pool.map(compiled, parts))
        self._programs = {name: program for programs in found for name, program in programs.items()}

    def run(self, name: str, given: Given, routine: Routine) -> Result:
        """Compute loss and gradients of a batch."""
        setup, program, dtype = self.setups[name], self._programs[name], self.dtype
        arena, numbers = Arena.of({**setup.parameters, **setup.statistics}), given.state.parameters
        packed, gradients = np.zeros(arena.size, dtype), np.zeros(arena.size, dtype)
        for path, array in {**numbers, **given.state.statistics}.items():
            arena.views(packed)[path][...] = array
        statistics = packed.copy()
        program.pack(routine.name, packed)
        dx, y = (np.full((len(given.images), *s), np.nan, dtype) for s in (setup.input_shape, (setup.classes,)))
        arrays = {"numbers": packed, "gradients": gradients, "statistics": statistics}
        if routine.input_gradient:
            arrays["input_gradient"] = dx
        if routine.watched:
            arrays["watched"] = np.array([y.ctypes.data], np.uintp)
        images = Images.all_of(np.ascontiguousarray(given.images, dtype), dtype)
        targets = given.targets if given.targets.ndim == 1 else given.targets.astype(dtype)
        loss, _ = program.compute(routine.name, images, targets, setup.seed, MOMENT, arrays)
        found, updates = arena.views(gradients), arena.views(statistics)
        for path, regularizer in setup.regularizers.items() if routine.training else ():
            loss += regularizer.value(numbers[path])
            found[path] += regularizer.gradient(numbers[path])
        return Result(
            loss,
            y if routine.watched else None,
            dx if routine.input_gradient else None,
            {path: found[path] for path in setup.trainable},
            {path: updates[path] for path in setup.statistics},
        )


def _routines(setup: Setup) -> list[Routine]:
    """Return what is worth compiling: what gives gradients, and computes otherwise than the others."""
    found = [TRAINED]
    offsets = Arena.of({**setup.parameters, **setup.statistics}).offsets
    texts = [emit_routine(plan_routine(setup, replace(r, name="same")), offsets) for r in (TRAINED, EVALUATED)]
    if texts[0] != texts[1]:
        found.append(EVALUATED)
    return [STEP, *found] if setup.trainable else found
