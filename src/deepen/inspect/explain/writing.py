"""How numbers, products and equations are written on the board."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from deepen.inspect.explain.explanation import Line, Text, same
from deepen.paths import Shape

Pair = tuple[int, int]

AXES = (Text("height", "高"), Text("width", "宽"))


def number(value: int) -> str:
    """Write 60000 as 60,000, and −1 with the sign of mathematics."""
    return f"{value:,}".replace("-", "−")


def product(factors: Iterable[int]) -> str:
    """Write `5·5·3`."""
    return "·".join(map(number, factors))


def total(terms: Iterable[str]) -> str:
    """Write `a + b + c`."""
    return " + ".join(terms)


def times(terms: list[str], factors: Iterable[int]) -> str:
    """Write `(a + b)·28·28`, without brackets around a single product."""
    behind = product(factors)
    before = f"({total(terms)})" if len(terms) > 1 and behind else total(terms)
    return "·".join(filter(None, (before, behind)))


def equation(left: str, value: int) -> str:
    """Write `left = value`, where left is not the value itself."""
    right = number(value)
    return right if left == right else f"{left} = {right}"


def share(part: int, whole: int) -> str:
    """Write `12 / 48 = 25%`, or `1 / 3 ≈ 33.3%`; what rounds to nothing or to all as `< 0.1%` or `> 99.9%`."""
    percent = 100 * part / whole
    if 1000 * part % whole == 0:
        result = f"= {percent:g}%"
    elif percent < 0.1:
        result = "< 0.1%"
    elif percent > 99.9:
        result = "> 99.9%"
    else:
        result = f"≈ {percent:.1f}%"
    return f"{number(part)} / {number(whole)} {result}"


def size(shape: Shape) -> str:
    """Write `6×28×28`."""
    return "×".join(map(number, shape))


def pair(values: Pair) -> str:
    """Write a pair as one number where both are the same, else as (height, width)."""
    return number(values[0]) if values[0] == values[1] else f"({number(values[0])}, {number(values[1])})"


def by_axis(label: Text, write: Callable[[int], Text]) -> list[Line]:
    """Return what `write` gives for height and width: as one line where both are the same."""
    both = [write(axis) for axis in (0, 1)]
    if both[0] == both[1]:
        return [Line(both[0], label)]
    return [
        Line(text, Text(f"{label.en}, {name.en}", f"{label.zh}({name.zh})"))
        for text, name in zip(both, AXES, strict=True)
    ]


def formula(label: Text, left: str, value: int) -> Line:
    """Return the line `label: left = value`."""
    return Line(same(equation(left, value)), label)
