"""What a diagram shows: a flow of steps, forks and frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deepen.paths import Shape

Role = Literal["input", "convolution", "pooling", "fully connected", "joined", "other"]


@dataclass(frozen=True)
class Step:
    """An arrow, labelled with a layer, and the box or bar of what the layer makes."""

    name: str
    what: str = ""
    """Kind, window and stride, such as `conv 3×3 /2`."""
    notes: tuple[str, ...] = ()
    """The activation, and the names of the pointwise layers that follow."""
    shape: Shape | None = None
    """None where only pointwise layers stand here: they are notes on the line."""
    role: Role = "other"
    hint: str = ""
    """Path, class, shape and parameters of each layer, for who points at it."""

    def __str__(self) -> str:
        head = ": ".join(filter(None, (self.name, self.what)))
        return ", ".join(filter(None, (head, *self.notes)))


@dataclass(frozen=True)
class Fork:
    """Branches side by side; `joined` is their concatenation, None where they are added."""

    branches: tuple[Flow, ...]
    joined: Step | None


@dataclass(frozen=True)
class Shortcut:
    """A body, and the way around it that is added to it."""

    body: Flow
    around: Flow


@dataclass(frozen=True)
class Head:
    """What branches off and does not come back: the head of a side output."""

    title: str
    inside: Flow

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True)
class Frame:
    """A part of the network with a name; of `times` equal ones in a row, the last."""

    title: str
    inside: Flow
    times: int = 1

    def __str__(self) -> str:
        return self.title if self.times == 1 else f"{self.title} × {self.times}"


Part = Step | Fork | Shortcut | Head | Frame
Flow = tuple[Part, ...]


def walk(flow: Flow) -> Iterator[Part]:
    """Yield the parts that are drawn, those inside others too; on the way of a shortcut nothing is drawn."""
    for part in flow:
        yield part
        match part:
            case Fork(branches, joined):
                yield from walk(sum(branches, () if joined is None else (joined,)))
            case Shortcut(inside) | Head(_, inside) | Frame(_, inside):
                yield from walk(inside)


def shape_text(shape: Shape) -> str:
    """Return a shape as pictures show it, such as `6×28×28`."""
    return "×".join(map(str, shape))
