"""Is a layer right? Its hand-derived passes beside PyTorch's and finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.engines import torch_installed
from deepen.engines.layer_call import LayerCallError, call_output_shape
from deepen.engines.numpy_layer import LayerInputs, LayerResult, objective_terms, random_inputs, run_numpy
from deepen.errors import DeepenError, UsageError
from deepen.inputs import as_input_shape
from deepen.inspect.differences import AGREE, Slopes, furthest, largest, worst_entry
from deepen.paths import Shape
from deepen.spec import Layer

TORCH_AGREES = 1e-9
"""How far NumPy and PyTorch may be apart; both compute in float64."""

SMALL = 1e-2
"""Differences of an array are relative to its largest number, or to this share of the layer's largest gradient.

A bias before batch normalization has the gradient 0; what rounding makes of it is no mistake.
"""


@dataclass(frozen=True)
class CheckRow:
    """One array of a layer at the entry where it differs most: three ways to the same number."""

    array: str
    """`y`, `dx`, the path of a parameter for its gradient, or that of a statistic for its new value."""
    mode: str
    """`training`, `evaluation`, or `both` where both give the same."""
    entry: tuple[int, ...] | None
    numpy: float | None
    torch: float | None
    finite: float | None
    torch_difference: float | None
    """The largest difference to PyTorch, relative to the array's largest number."""
    finite_difference: float | None
    """The largest difference to finite differences among the entries that were compared."""

    @property
    def passed(self) -> bool:
        """Whether all that could be compared agrees."""
        return (self.torch_difference or 0) <= TORCH_AGREES and (self.finite_difference or 0) <= AGREE

    @property
    def excess(self) -> float:
        """The largest difference, relative to what is allowed."""
        return max((self.torch_difference or 0) / TORCH_AGREES, (self.finite_difference or 0) / AGREE)


@dataclass(frozen=True)
class CheckResult:
    """What `check` has found; printed, it is a table."""

    type: str
    input_shape: Shape
    rows: tuple[CheckRow, ...]
    problems: tuple[str, ...]
    """What is wrong besides numbers: shapes, types, overwritten arrays."""
    torch: bool
    """Whether PyTorch was there to compare with."""

    @property
    def passed(self) -> bool:
        """Whether the layer is right, as far as can be seen."""
        return not self.problems and all(row.passed for row in self.rows)

    def to_data(self) -> dict[str, object]:
        """Return what JSON shows of it."""
        rows = [{**asdict(row), "passed": row.passed} for row in self.rows]
        return {**asdict(self), "rows": rows, "passed": self.passed}

    def __str__(self) -> str:
        from deepen.inspect.check_table import as_text

        return as_text(self)

    __repr__ = __str__


def check(layer: Layer, input_shape: Shape, *, batch: int = 3, seed: int = 0, entries: int = 20) -> CheckResult:
    """Compare a layer's hand-derived passes with PyTorch's and with finite differences, and say what is wrong.

    The layer runs in float64 on random inputs, parameters and statistics, in training and in evaluation mode.

    Args:
        layer: any layer, containers included.
        input_shape: the shape of one example, such as `(C, H, W)`.
        batch: how many examples it is given.
        seed: decides all numbers; another seed is another check.
        entries: how many entries of an array are held against finite differences one by one; all others are in
            a difference along a random direction.

    Raises:
        ShapeError: the layer cannot take the shape.
        UsageError: what is given is no layer or no shape, or a number is out of range.
        DeepenError: a method of the layer raises an error or returns something else than it must; the text says
            which, and the traceback shows where.
    """
    if not isinstance(layer, Layer):
        raise UsageError(f"check: give a layer, such as Conv2D(8, 3), got {layer!r:.80}")
    for name, number, least in (("batch", batch, 1), ("seed", seed, 0), ("entries", entries, 1)):
        if not isinstance(number, int) or number < least:
            raise UsageError(f"check: {name} must be a whole number, {least} or more, got {number!r}")
    input_shape = as_input_shape(input_shape)
    output_shape = call_output_shape(layer, input_shape)
    inputs = random_inputs(layer, input_shape, batch, seed)
    problems: dict[str, None] = {}  # in order, each once
    passes = {mode: run_numpy(layer, inputs, mode == "training") for mode in ("training", "evaluation")}
    if _mode_does_not_matter(layer, inputs, passes["training"], passes["evaluation"]):
        passes = {"both": passes["training"]}
    rows: list[CheckRow] = []
    for mode, ours in passes.items():
        training = mode != "evaluation"
        theirs, lacks = _torch(layer, inputs, training)
        found = [*lacks, *_form(layer, input_shape, output_shape, inputs, ours), *_types(layer, inputs, training)]
        found += [*_repeats(layer, inputs, training), *(_unlike(ours, theirs) if theirs else ())]
        problems.update(dict.fromkeys(found))
        rows += _Comparison(layer, inputs, mode, ours, theirs, entries).rows()
    return CheckResult(type(layer).__name__, input_shape, tuple(rows), tuple(problems), torch_installed())


def _torch(layer: Layer, inputs: LayerInputs, training: bool) -> tuple[LayerResult | None, list[str]]:
    """Return PyTorch's results, or why there are none; that PyTorch is not installed is no mistake."""
    if not torch_installed():
        return None, []
    from deepen.engines.torch_layer import run_torch

    try:
        return run_torch(layer, inputs, training), []
    except LayerCallError:
        raise
    except DeepenError as error:
        return None, [str(error)]


def _form(
    layer: Layer, input_shape: Shape, output_shape: Shape, inputs: LayerInputs, ours: LayerResult
) -> Iterator[str]:
    """Yield what is wrong with shapes, with names, and with what was written to."""
    expected = (len(inputs.x), *output_shape)
    if ours.y.shape != expected:
        yield f"y has the shape {ours.y.shape}, but output_shape says {expected}"
    if ours.dx.shape != inputs.x.shape:
        yield f"dx has the shape {ours.dx.shape}, but x has {inputs.x.shape}"
    declared = spec.parameters(layer, input_shape)
    for path, param in declared.items():
        if path not in ours.gradients:
            if param.trainable:
                yield f"backward returns no gradient for {path}"
        elif ours.gradients[path].shape != param.shape:
            shape = ours.gradients[path].shape
            yield f"the gradient of {path} has the shape {shape}, but {path} has {param.shape}"
    for path in sorted(ours.gradients.keys() - declared.keys()):
        yield f"backward returns a gradient for {path}, which is no parameter"
    for path in sorted(ours.updates.keys() - inputs.statistics.keys()):
        yield f"a new value is given to {path}, which is no running statistic"
    for name in ours.overwritten:
        yield f"{name} is written to; forward and backward leave what they are given as it is: write to a copy"


def _types(layer: Layer, inputs: LayerInputs, training: bool) -> Iterator[str]:
    """Yield what does not stay float32 where everything given is float32."""
    for name, array in run_numpy(layer, inputs.astype("float32"), training).arrays().items():
        if array.dtype != np.float32:
            yield f"{name} is {array.dtype} where everything given is float32"


def _repeats(layer: Layer, inputs: LayerInputs, training: bool) -> Iterator[str]:
    first, second = (objective_terms(layer, inputs, training) for _ in range(2))
    if not np.array_equal(first, second, equal_nan=True):
        yield "two forward passes over the same batch differ; draw random numbers with ctx.uniform"


def _unlike(ours: LayerResult, theirs: LayerResult) -> Iterator[str]:
    """Yield what the two engines cannot be compared in."""
    if ours.y.shape != theirs.y.shape:
        yield f"y has the shape {ours.y.shape} in NumPy, but {theirs.y.shape} in PyTorch"
    for path in sorted(ours.updates.keys() ^ theirs.updates.keys()):
        engine = "NumPy" if path in ours.updates else "PyTorch"
        yield f"only the {engine} pass gives a new value to {path}"


def _mode_does_not_matter(layer: Layer, inputs: LayerInputs, trained: LayerResult, other: LayerResult) -> bool:
    mine, others = trained.arrays(), other.arrays()
    first, second = (objective_terms(layer, inputs, training) for training in (True, False))
    return mine.keys() == others.keys() and all(
        np.array_equal(a, b, equal_nan=True) for a, b in [(first, second), *((mine[n], others[n]) for n in mine)]
    )


@dataclass(frozen=True)
class _Comparison:
    """What a layer gave in one mode, and what it is held against."""

    layer: Layer
    inputs: LayerInputs
    mode: str
    ours: LayerResult
    theirs: LayerResult | None
    entries: int

    def rows(self) -> Iterator[CheckRow]:
        """Yield a row for each array; a gradient of a wrong shape has nothing to compare."""
        at = {"dx": self.inputs.x, **self.inputs.parameters}
        for name, array in self.ours.arrays().items():
            if name not in at:
                yield self._row(name, array, None)
            elif array.shape == at[name].shape:
                yield self._row(name, array, self._slopes(at[name], array))

    def _row(self, name: str, array: Array, slopes: Slopes | None) -> CheckRow:
        """Compare one array, and put the three numbers of its worst entry side by side."""
        other = self.theirs.arrays().get(name) if self.theirs else None
        if other is not None and other.shape != array.shape:
            other = None
        place: int | None = 0
        torch_difference = finite_difference = None
        if slopes is not None:
            finite_difference, place = worst_entry(array, slopes, self.entries, self.inputs.seed)
        if other is not None:
            torch_difference, furthest_place = furthest(array, other, self._floor)
            if slopes is None or torch_difference > TORCH_AGREES:
                place = furthest_place
        if place is None or not array.size:
            return CheckRow(name, self.mode, None, None, None, None, torch_difference, finite_difference)
        return CheckRow(
            name,
            self.mode,
            tuple(map(int, np.unravel_index(place, array.shape))),
            float(array.flat[place]),
            None if other is None else float(other.flat[place]),
            None if slopes is None else slopes.entry(place),
            torch_difference,
            finite_difference,
        )

    def _slopes(self, at: Array, gradient: Array) -> Slopes:
        training = self.mode != "evaluation"
        scale = max(self._floor, largest(gradient))
        return Slopes(lambda: objective_terms(self.layer, self.inputs, training), at, scale)

    @cached_property
    def _floor(self) -> float:
        return SMALL * max(map(largest, (self.ours.dx, *self.ours.gradients.values())))
