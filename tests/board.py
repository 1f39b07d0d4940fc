"""Reads the arithmetic that stands in a text, and computes both of its sides."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Number = Fraction | float
"""A fraction, which is exact, or what a function such as √ makes of one."""

_RUN = re.compile(r"[\d(⌊⌈][\d(),.⌊⌋⌈⌉·/+−=≈<>% ]*[=≈<>][\d(),.⌊⌋⌈⌉·/+−=≈<>% ]*\d%?")

_PYTHON = {
    "·": "*",
    "−": "-",
    "^": "**",
    "²": "**2",
    "√": "sqrt",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
    "π": "pi",
}

_OPERATIONS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


def equations(text: str) -> list[str]:
    """Return what of a text is arithmetic with both sides."""
    return [match[0] for match in _RUN.finditer(text)]


def numbers(text: str) -> list[str]:
    """Return the numbers of a text, in any order."""
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", text))


def holds(equation: str) -> bool:
    """Return whether the first side is equal to all others; behind ≈, in the decimals that are written."""
    first, *others = re.split(r" (?=[=≈<>] )", equation)
    assert others, f"{equation} is no equation"
    return all(_holds(value(first), side[0], side[1:].strip()) for side in others)


def value(side: str) -> Number:
    """Return what a side comes to; exactly, unless there is a function or a root in it."""
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", side.strip())
    percent = plain.endswith("%")
    for sign, python in _PYTHON.items():
        plain = plain.replace(sign, python)
    found = _compute(ast.parse(plain.removesuffix("%"), mode="eval").body)
    return found / 100 if percent else found


def _holds(left: Number, sign: str, side: str) -> bool:
    right = value(side)
    if sign in "<>":
        return left < right if sign == "<" else left > right
    if sign == "=" and isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    decimals = len(side.removesuffix("%").partition(".")[2]) + 2 * side.endswith("%")
    rounding = 0.5 * 10**-decimals if sign == "≈" else 0
    return math.isclose(left, right, rel_tol=1e-12, abs_tol=rounding + 1e-12)


def _compute(node: ast.expr) -> Number:
    match node:
        case ast.Constant(int() | float() as number):
            return Fraction(str(number))
        case ast.Name("pi"):
            return math.pi
        case ast.UnaryOp(op, operand):
            return _exact(_OPERATIONS[type(op)](_compute(operand)))
        case ast.BinOp(left, op, right):
            return _exact(_OPERATIONS[type(op)](_compute(left), _compute(right)))
        case ast.Call(ast.Name("max" | "min" as name), arguments):
            return (max if name == "max" else min)(map(_compute, arguments))
        case ast.Call(ast.Name(name), [argument]):
            return _exact(getattr(math, name)(_compute(argument)))
    raise AssertionError(f"this is no arithmetic: {ast.unparse(node)}")


def _exact(number: Any) -> Number:
    """Return whole numbers, as those that are rounded, as fractions."""
    return Fraction(number) if isinstance(number, int) else number
