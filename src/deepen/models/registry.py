"""The models by name: each is one function in one file, and one entry here that it makes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deepen.errors import DeepenError, UnknownNameError
from deepen.paths import Shape
from deepen.spec import Layer

Builder = Callable[[int], Layer]


@dataclass(frozen=True)
class Entry:
    """A model that can be asked for by name."""

    name: str
    title: str
    year: int
    input_shape: Shape
    """The images it was designed for, `(C, H, W)`; data sets are resized to H×W."""
    build: Builder
    """Makes the network for a number of classes."""


_entries: dict[str, Entry] = {}


def model(name: str, *, title: str, year: int, input_shape: Shape) -> Callable[[Builder], Builder]:
    """Enter the decorated function, which makes a network for a number of classes, under a name.

    Raises:
        DeepenError: the name is taken.
    """

    def enter(build: Builder) -> Builder:
        known = _entries.get(name)
        # A notebook cell that is run again enters its model anew: the same place in the code may replace itself.
        if known is not None and _place(known.build) != _place(build):
            raise DeepenError(f"there is a model named {name!r} already; choose another name")
        _entries[name] = Entry(name, title, year, input_shape, build)
        return build

    return enter


def _place(build: Builder) -> tuple[str, str]:
    return build.__module__, build.__qualname__


def entry(name: str) -> Entry:
    """Return the entry of that name.

    Raises:
        UnknownNameError: there is no such model; the nearest name is suggested.
    """
    if name not in _entries:
        raise UnknownNameError("model", name, _entries)
    return _entries[name]


def names() -> tuple[str, ...]:
    """Return the names of all models."""
    return tuple(sorted(_entries))
