"""How a described object is written in a line of text: `cosine`, `shift=2`, `adam=0.003 beta2=0.99`.

The first word names the object and may give its first field; each further word gives one field by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from deepen.errors import UnknownNameError, UsageError

T = TypeVar("T")


def split(text: str) -> tuple[str, list[str]]:
    """Return the name that a text begins with, in small letters, and what it says of the fields."""
    name, *rest = text.split() or [""]
    name, sign, first = name.partition("=")
    return name.lower(), [f"={first}", *rest] if sign else rest


def make(what: str, name: str, make: Callable[..., T], words: list[str]) -> T:
    """Return what `make` makes with the fields that the words give.

    Raises:
        UsageError: a word gives no field, or one for a second time, or one is missing.
        UnknownNameError: there is no such field.
    """
    fields, given = _fields(make), dict[str, Any]()
    for word in words:
        field, sign, value = word.partition("=")
        if not field and fields:
            field = next(iter(fields))
        if not sign or not value:
            raise UsageError(f"{what} {name}: a field is written as name=value without spaces, got {word!r}")
        if field not in fields:
            cure = "" if fields else "it has no fields"
            raise UnknownNameError(f"field of the {what} {name}:", field, fields, cure)
        if field in given:
            raise UsageError(f"{what} {name}: {field} is given twice")
        given[field] = _value(value)
    if missing := [field for field, needed in fields.items() if needed and field not in given]:
        example = f"{name}=VALUE" if missing[0] == next(iter(fields)) else f"{name} {missing[0]}=VALUE"
        raise UsageError(f"{what} {name}: give its {missing[0]}, as in {example}")
    return make(**given)


def _fields(make: Callable[..., Any]) -> dict[str, bool]:
    """Return the fields of a dataclass, and whether each has to be given."""
    if not dataclasses.is_dataclass(make):
        return {}
    nothing = dataclasses.MISSING
    return {f.name: f.default is nothing and f.default_factory is nothing for f in dataclasses.fields(make)}


def _value(text: str) -> object:
    """Return a number where the text is one, truth, None, a tuple where there are commas, or the text itself."""
    if "," in text:
        return tuple(_value(part) for part in text.split(",") if part)
    words: dict[str, object] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
