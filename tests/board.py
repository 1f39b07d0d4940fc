"""Reads the arithmetic that stands in a text, and computes both of its sides."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from fractions import Fraction

_RUN = re.compile(r"[\d(⌊⌈][\d(),.⌊⌋⌈⌉·/+−=≈% ]*[=≈][\d(),.⌊⌋⌈⌉·/+−=≈% ]*\d%?")

_PYTHON = {"·": "*", "−": "-", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")"}

_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}

_FUNCTIONS: dict[str, Callable[[Fraction], int]] = {"floor": math.floor, "ceil": math.ceil}


def equations(text: str) -> list[str]:
    """Return what of a text is arithmetic with both sides."""
    return [match[0] for match in _RUN.finditer(text)]


def numbers(text: str) -> list[str]:
    """Return the numbers of a text, in any order."""
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", text))


def holds(equation: str) -> bool:
    """Return whether both sides are equal; behind ≈ three digits have to be right."""
    rounded = "≈" in equation
    left, right = re.split("[=≈]", equation)
    a, b = value(left), value(right)
    return abs(a - b) <= abs(b) / 199 if rounded else a == b


def value(side: str) -> Fraction:
    """Return what a side comes to, without rounding."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", side.strip())
    percent = plain.endswith("%")
    for sign, python in _PYTHON.items():
        plain = plain.replace(sign, python)
    found = _compute(ast.parse(plain.removesuffix("%"), mode="eval").body)
    return found / 100 if percent else found


def _compute(node: ast.expr) -> Fraction:
    match node:
        case ast.BinOp(left, operator, right):
            return _OPERATIONS[type(operator)](_compute(left), _compute(right))
        case ast.Call(ast.Name(name), [argument]):
            return Fraction(_FUNCTIONS[name](_compute(argument)))
        case ast.Constant(number) if isinstance(number, (int, float)):
            return Fraction(str(number))
    raise AssertionError(f"this is no arithmetic: {ast.unparse(node)}")
