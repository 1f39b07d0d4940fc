"""The models by name: each is a function in a paper's file, and an entry here that it makes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import TypeVar

from deepen.errors import DeepenError, UnknownNameError, UsageError
from deepen.fields import is_number, is_whole
from deepen.paths import Shape
from deepen.spec import Layer

BuilderT = TypeVar("BuilderT", bound=Callable[..., Layer])


@dataclass(frozen=True)
class Accuracy:
    """What a network reaches on images that it was not trained on, and on which."""

    accuracy: float
    """In percent."""
    data: str
    measure: str = "top-1"
    note: str = ""
    """Under which conditions, where they matter: an ensemble, several crops."""

    def __str__(self) -> str:
        measure = "" if self.measure == "top-1" else f"{self.measure}, "
        note = f", {self.note}" if self.note else ""
        return f"{self.accuracy:g}% ({measure}{self.data}{note})"


@dataclass(frozen=True)
class Entry:
    """A model that can be asked for by name."""

    name: str
    title: str
    year: int
    input_shape: Shape
    """The images it was designed for, `(C, H, W)`; data sets are resized to H×W."""
    build: Callable[..., Layer]
    """Makes the network for `classes` and, unless it has one width only, `width`."""
    classes: int = 10
    """How many classes it was designed for."""
    reported: Accuracy | None = None
    """What its paper reports; None where there is no paper, or no figure for this form of it."""
    loss: str = "cross_entropy"
    """What it is trained with unless another loss is given."""


_entries: dict[str, Entry] = {}


def model(
    name: str,
    *,
    title: str,
    year: int,
    input_shape: Shape,
    classes: int = 10,
    reported: Accuracy | None = None,
    loss: str = "cross_entropy",
) -> Callable[[BuilderT], BuilderT]:
    """Enter the decorated function, which makes a network for `classes` and `width`, under a name.

    Raises:
        DeepenError: the name is taken.
    """

    def enter(build: BuilderT) -> BuilderT:
        known = _entries.get(name)
        # A notebook cell that is run again enters its model anew: the same place in the code may replace itself.
        if known is not None and place(known.build) != place(build):
            raise DeepenError(f"there is a model named {name!r} already; choose another name")
        _entries[name] = Entry(name, title, year, input_shape, build, classes, reported, loss)
        return build

    return enter


def place(build: Callable[..., Layer]) -> tuple[str, str]:
    """Return the module and the name of the function that makes a network."""
    function = build.func if isinstance(build, partial) else build
    return function.__module__, function.__qualname__


def entry(name: str) -> Entry:
    """Return the entry of that name.

    Raises:
        UnknownNameError: there is no such model; the nearest name is suggested.
    """
    if name not in _entries:
        raise UnknownNameError("model", name, _entries, "`deepen models` lists them")
    return _entries[name]


def names() -> tuple[str, ...]:
    """Return the names of all models."""
    return tuple(sorted(_entries))


def build(name: str, classes: int | None = None, width: float = 1.0) -> Layer:
    """Return the network of that name; unless `classes` is given, for as many as it was designed for.

    Args:
        name: as `deepen models` lists it.
        classes: how many numbers come out for an image.
        width: multiplies channels and hidden units; they are rounded, and never less than 1.

    Raises:
        UnknownNameError: there is no such model.
        UsageError: the width is not above 0, the model has one width only, or there is no number of classes.
    """
    found = entry(name)
    if not (is_number(width) and float(width) > 0):
        raise UsageError(f"the width multiplies channels and must be a finite number above 0, got {width!r}")
    classes = found.classes if classes is None else classes
    if not is_whole(classes) or classes < 1:
        raise UsageError(
            f"classes is how many there are, 1 or more, or a list of their names; got {classes!r:.80}"
        )
    if width == 1:
        return found.build(classes)
    if "width" not in signature(found.build).parameters:
        raise UsageError(f"{name} has one width only: its function takes no `width`")
    return found.build(classes, width=width)


def scaled(channels: int, width: float, multiple: int = 1) -> int:
    """Return a number of channels times the width, rounded to a multiple; at least that multiple."""
    return max(1, round(channels * width / multiple)) * multiple
