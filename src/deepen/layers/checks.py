"""Checks that layers make of their fields, so that a wrong one is an error where it is written."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from deepen.errors import DeepenError
from deepen.spec import Layer

Pair = tuple[int, int]


def whole(layer: Layer, field: str, least: int = 1) -> None:
    """Make sure that a field holds a whole number of at least `least`."""
    value = getattr(layer, field)
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise _wrong(layer, field, f"a whole number, {least} or more", value)
    layer.set_field(field, number)


def pair(layer: Layer, field: str, least: int = 1) -> None:
    """Turn a field that holds a whole number, or one each for height and width, into a pair."""
    value = getattr(layer, field)
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    try:
        numbers = tuple(operator.index(item) for item in both)
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or min(numbers) < least or any(isinstance(item, bool) for item in both):
        raise _wrong(layer, field, f"a whole number, {least} or more, or a pair of them", value)
    layer.set_field(field, numbers)


def flag(layer: Layer, field: str) -> None:
    """Make sure that a field holds True or False."""
    if not isinstance(getattr(layer, field), bool):
        raise _wrong(layer, field, "True or False", getattr(layer, field))


def one_of(layer: Layer, field: str, names: Iterable[str]) -> None:
    """Make sure that a field holds one of these names."""
    value, known = getattr(layer, field), tuple(names)
    if value not in known:
        raise _wrong(layer, field, " or ".join(f'"{name}"' for name in known), value)


def _wrong(layer: Layer, field: str, expected: str, value: Any) -> DeepenError:
    return DeepenError(f"{type(layer).__name__}: {field} must be {expected}, got {value!r}")


def maps(layer: Layer, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the shape `(C, H, W)` of feature maps, or say that the layer expects maps."""
    if len(shape) != 3:
        raise layer.misfit(
            f"expects maps (channels, height, width), got {shape}; put it before Flatten, or give the images "
            "a channel axis"
        )
    return shape[0], shape[1], shape[2]
