"""Checks of what the textbook's functions are given, so that a slip is one sentence instead of NumPy's."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.errors import ShapeError, UsageError

Pair = tuple[int, int]

CURES = {
    "N C H W": "; grey images (N, H, W) need a channel axis: x[:, None]; a single map: x[None, None]",
    "N": "; class numbers of one-hot rows are labels.argmax(axis=1)",
}


def check_shapes(function: str, **arrays: tuple[Array, str]) -> None:
    """Make sure that each array has the axes it is given with, such as `w=(w, "F C FH FW")`.

    A letter means the same size wherever it stands.

    Raises:
        ShapeError: an array has more or fewer axes, or a letter would mean two sizes.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for name, (array, axes) in arrays.items():
        shape, letters = np.shape(array), axes.split()
        expected = f"expects {name} ({', '.join(letters)})"
        if len(shape) != len(letters):
            raise ShapeError(function, f"{expected}, got {shape}{CURES.get(axes, '')}")
        for letter, size in zip(letters, shape, strict=True):
            wanted, owner = sizes.setdefault(letter, (size, name))
            if size != wanted:
                raise ShapeError(function, f"{expected} with {letter} = {wanted}, as in {owner}, got {shape}")


def check_shape(function: str, name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Make sure that an array has the shape that follows from the others.

    Raises:
        ShapeError: it has another.
    """
    if np.shape(array) != shape:
        raise ShapeError(function, f"expects {name} {shape}, which follows from the others, got {np.shape(array)}")


def pair(name: str, value: Any, least: int = 1) -> Pair:
    """Return (height, width); one whole number stands for both.

    Raises:
        UsageError: it is neither a whole number nor a pair of them, or one is below `least`.
    """
    if isinstance(value, Mapping):
        raise UsageError(
            f"{name} must be a whole number or a pair of them, got {dict(value)!r}; settings are keyword "
            "arguments here: put two stars before the dictionary, as in **conv_param"
        )
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    try:
        height, width = map(operator.index, both)
    except (TypeError, ValueError):
        height = width = least - 1
    if min(height, width) < least:
        raise UsageError(f"{name} must be a whole number, {least} or more, or a pair of them, got {value!r}")
    return height, width
