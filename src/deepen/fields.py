"""Checks of fields, so that a value of the wrong type or out of range is an error where it is written."""

from __future__ import annotations

from math import isfinite
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, TypeGuard, get_args, get_origin

from deepen.description import Described
from deepen.errors import UsageError


def is_number(value: object) -> TypeGuard[Real]:
    """Return whether a value is a finite number, of Python or of NumPy; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number, of Python or of NumPy; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def fits(value: object, hint: Any) -> bool:
    """Return whether a value, as TOML has them, is of the type that a field is declared with."""
    if isinstance(hint, UnionType):
        return any(fits(value, kind) for kind in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return type(value) in (int, float) and is_number(value)
    return type(value) is (get_origin(hint) or hint)


def in_words(hint: Any) -> str:
    """Return what a field of a type takes, as an error says it."""
    if isinstance(hint, UnionType):
        return " or ".join(in_words(kind) for kind in get_args(hint) if kind is not NoneType)
    if get_origin(hint) is tuple:
        return f"a list, each item {in_words(get_args(hint)[0])}"
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return words.get(hint, "a table")


def number(owner: Described, field: str) -> float:
    """Make sure that a field holds a finite number, and return it.

    Raises:
        UsageError: it does not.
    """
    value = getattr(owner, field)
    if not is_number(value):
        raise _wrong(owner, field, "a number")
    owner.set_field(field, float(value))  # a NumPy number would turn float32 arrays into float64
    return float(value)


def above_0(owner: Described, field: str) -> None:
    """Make sure that a field holds a number above 0."""
    if not number(owner, field) > 0:
        raise _wrong(owner, field, "above 0")


def at_least_0(owner: Described, field: str) -> None:
    """Make sure that a field holds a number, 0 or more."""
    if not number(owner, field) >= 0:
        raise _wrong(owner, field, "0 or more")


def at_least_1(owner: Described, field: str) -> None:
    """Make sure that a field holds a whole number, 1 or more."""
    value = getattr(owner, field)
    if not is_whole(value) or value < 1:
        raise _wrong(owner, field, "a whole number, 1 or more")
    owner.set_field(field, int(value))


def share(owner: Described, field: str) -> None:
    """Make sure that a field holds a number from 0 up to, not including, 1."""
    if not 0 <= number(owner, field) < 1:
        raise _wrong(owner, field, "from 0 up to, not including, 1")


def up_to_1(owner: Described, field: str) -> None:
    """Make sure that a field holds a number from 0 to 1."""
    if not 0 <= number(owner, field) <= 1:
        raise _wrong(owner, field, "from 0 to 1")


def _wrong(owner: Described, field: str, expected: str) -> UsageError:
    words = field.replace("_", " ")
    return UsageError(f"{type(owner).__name__}: the {words} must be {expected}, got {getattr(owner, field)!r}")
