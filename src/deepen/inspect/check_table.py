"""What a check has found, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepen.inspect.check import CheckResult, CheckRow

HEAD = ("array", "mode", "entry", "NumPy", "PyTorch", "finite differences", "off PyTorch", "off finite", "")


def as_text(result: CheckResult) -> str:
    """Return the table of the arrays, then what else is wrong, then the verdict."""
    cells = [HEAD, *map(_cells, result.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    top = f"{result.type}: input (N, {', '.join(map(str, result.input_shape))})"
    problems = [f"wrong: {problem}" for problem in result.problems]
    return "\n".join([top, *lines, *problems, _verdict(result)])


def difference(number: float | None) -> str:
    """Return a relative difference as a cell, a dash where nothing could be compared."""
    return "–" if number is None else f"{number:.1e}"


def number(value: float | None, digits: int = 8) -> str:
    """Return one of the three numbers as a cell, a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"


def entry(place: Sequence[int] | None) -> str:
    """Return the place of an entry as Python writes it."""
    return "–" if place is None else f"[{', '.join(map(str, place))}]"


def _cells(row: CheckRow) -> tuple[str, ...]:
    values = map(number, (row.numpy, row.torch, row.finite))
    differences = map(difference, (row.torch_difference, row.finite_difference))
    return (row.array, row.mode, entry(row.entry), *values, *differences, "agrees" if row.passed else "DISAGREES")


def _verdict(result: CheckResult) -> str:
    wrong = sum(not row.passed for row in result.rows)
    judges = "PyTorch and finite differences" if result.torch else "finite differences; PyTorch is not installed"
    if result.passed:
        return f"right: agrees with {judges}"
    parts = [f"{wrong} of {len(result.rows)} arrays disagree"] if wrong else []
    parts += [f"{len(result.problems)} other mistake{'s' * (len(result.problems) > 1)}"] if result.problems else []
    return f"wrong: {', '.join(parts)}"
