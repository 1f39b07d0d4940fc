"""The optimizers as types of the generated program, and how each parameter is trained as a table in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

from deepen.arrays import Array
from deepen.constraints import MaxNorm
from deepen.engines.native.graph import Constant
from deepen.engines.setup import Setup
from deepen.errors import UsageError
from deepen.layers.partial_conv import _OfEachFilter
from deepen.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from deepen.paths import Shape
from deepen.regularizers import L1, L2
from deepen.spec import Constraint, Param, Regularizer

LINE = 16
"""Each array of an arena begins at a multiple of so many numbers: 64 bytes of float32."""

_CONSTANTS: dict[type[Optimizer], tuple[str, ...]] = {
    SGD: (),
    Momentum: ("momentum",),
    Nesterov: ("momentum",),
    AdaGrad: ("epsilon",),
    RMSprop: ("smoothing", "epsilon"),
    Adam: ("beta1", "beta2", "epsilon"),
    AdamW: ("beta1", "beta2", "epsilon"),
}
"""Which fields the C++ type of an optimizer takes as constants."""


@dataclass(frozen=True)
class Arena:
    """Where arrays lie, one after the other, in one long array: of parameters, or of running statistics."""

    shapes: Mapping[str, Shape]
    offsets: Mapping[str, int]
    size: int
    """How many numbers all take together, with what fills them up to whole lines."""

    @classmethod
    def of(cls, params: Mapping[str, Param]) -> Arena:
        """Return the arena of these arrays, in their order."""
        ends = list(accumulate((-(-param.size // LINE) * LINE for param in params.values()), initial=0))
        shapes = {path: param.shape for path, param in params.items()}
        return cls(shapes, dict(zip(params, ends, strict=False)), ends[-1])

    def views(self, array: Array) -> dict[str, Array]:
        """Return the arrays by path, as views of the long one `(size,)`."""
        return {
            path: array[self.offsets[path] : self.offsets[path] + prod(shape)].reshape(shape)
            for path, shape in self.shapes.items()
        }


def optimizer_type(optimizer: Optimizer) -> tuple[str, dict[str, Constant]]:
    """Return the C++ type of an optimizer and its constants, which are to be of the type `double`.

    In the type, `{constants}` stands for the constants.

    Raises:
        UsageError: it is not one of the optimizers that come with the library.
    """
    name = type(optimizer).__name__
    # A subclass may compute something else, so that the class itself has to be in the table.
    names = _CONSTANTS.get(type(optimizer))
    if names is None:
        raise _unknown("optimizer", optimizer)
    return f"{name}<{{constants}}>" if names else name, {field: getattr(optimizer, field) for field in names}


def parameter_table(setup: Setup) -> str:
    """Return the C++ text that defines `parameters`: how each parameter that training changes is changed.

    Raises:
        UsageError: a regularizer or a constraint is not one of those that come with the library.
    """
    offsets = Arena.of(setup.parameters).offsets
    tables, lines = [], []
    for number, path in enumerate(setup.trainable):
        param = setup.parameters[path]
        factor, decay = setup.paces[path]
        kind, strength = _penalty(setup.regularizers.get(path), path)
        rows = _rows(setup.constraints.get(path), param.shape, path)
        starts = "nullptr"
        if rows.starts:
            starts = f"starts_{number}"
            tables.append(f"constexpr Count {starts}[] = {{{', '.join(map(str, rows.starts))}}};")
        fields = (offsets[path], param.size, factor, decay, f"Penalty::{kind}", strength)
        line = ", ".join(map(str, (*fields, rows.length, rows.count, starts)))
        lines.append(f"    {{{line}}},  // {path}")
    head = f"constexpr std::array<Parameter, {len(lines)}> parameters = {{{{"
    return "\n".join([*tables, head, *lines, "}};", ""])


@dataclass(frozen=True)
class _Rows:
    """The parts of a parameter that are held to a length."""

    length: float
    """How long each may be; 0 for any length."""
    count: int
    starts: tuple[int, ...] = ()
    """Where each begins, and the last one ends; empty where all are as long."""


def _penalty(regularizer: Regularizer | None, path: str) -> tuple[str, float]:
    """Return the kind of a penalty and its strength."""
    if regularizer is None:
        return "none", 0.0
    if type(regularizer) is L1:
        return "l1", regularizer.strength
    if type(regularizer) is L2:
        return "l2", regularizer.strength
    raise _unknown("regularizer", regularizer, path)


def _rows(constraint: Constraint | None, shape: Shape, path: str) -> _Rows:
    """Return what a constraint holds to a length."""
    if constraint is None:
        return _Rows(0.0, 1)
    if type(constraint) is MaxNorm:
        return _Rows(constraint.length, shape[0] if len(shape) > 1 else 1)
    if type(constraint) is _OfEachFilter:
        sizes = [len(seen) * prod(shape[1:]) for seen in constraint.connections]
        length = _rows(constraint.constraint, shape, path).length
        return _Rows(length, len(sizes), tuple(accumulate(sizes, initial=0)))
    raise _unknown("constraint", constraint, path)


def _unknown(what: str, given: Any, path: str = "") -> UsageError:
    place = f" ({path})" if path else ""
    return UsageError(
        f'the native engine does not know the {what} {type(given).__name__}{place}; use engine="torch" or "numpy"'
    )
