"""Checks of fields that hold numbers, so that one out of range is an error where it is written."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TypeGuard

from deepen.description import Described
from deepen.errors import UsageError


def is_number(value: object) -> TypeGuard[Real]:
    """Return whether a value is a finite number, of Python or of NumPy; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


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


def share(owner: Described, field: str) -> None:
    """Make sure that a field holds a number from 0 up to, not including, 1."""
    if not 0 <= number(owner, field) < 1:
        raise _wrong(owner, field, "from 0 up to, not including, 1")


def _wrong(owner: Described, field: str, expected: str) -> UsageError:
    words = field.replace("_", " ")
    return UsageError(f"{type(owner).__name__}: the {words} must be {expected}, got {getattr(owner, field)!r}")
