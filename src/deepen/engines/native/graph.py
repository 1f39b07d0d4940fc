"""A network as the native engine sees it: values that flow from operation to operation, one image's worth each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepen.paths import Shape

VECTOR = 16
"""About how many channels a pixel is rounded up to; only what is estimated depends on it."""

Number = int | float
Constant = Number | tuple[Number, ...]


@dataclass(eq=False)
class Value:
    """What one operation makes of an image and others read: maps `(C, H, W)` or features `(F,)`."""

    shape: Shape
    border: int = 0
    """How many rows and columns of zeros lie around the maps: as many as the operation wants that wants most."""
    tight: bool = False
    """Whether pixels hold their channels alone, not rounded up to whole vectors: images as they come in."""

    @property
    def maps(self) -> tuple[int, int, int]:
        """Channels, height and width; features are maps of a single pixel."""
        if len(self.shape) == 1:
            return self.shape[0], 1, 1
        channels, height, width = self.shape
        return channels, height, width

    @property
    def numbers(self) -> int:
        """About how many numbers it takes, rounded up to vectors and with its border."""
        channels, height, width = self.maps
        return -(-channels // VECTOR) * VECTOR * (height + 2 * self.border) * (width + 2 * self.border)

    @property
    def type(self) -> str:
        """The C++ type of the maps."""
        sizes = [*self.maps, self.border] if self.border or self.tight else [*self.maps]
        return f"Map<{', '.join(map(str, [*sizes, self.maps[0]] if self.tight else sizes))}>"

    @property
    def gradient_type(self) -> str:
        """The C++ type of the gradient with respect to it, which has no border."""
        return f"Map<{', '.join(map(str, self.maps))}>"


@dataclass(frozen=True)
class Algorithm:
    """A way to compute the products of a convolution."""

    template: str
    """The C++ template."""
    share: float = 1.0
    """How many products it takes for each one of the direct way."""


@dataclass(frozen=True)
class Pooled:
    """What computes an operation together with a pooling by 2×2 behind it, and keeps which of the four won."""

    kernel: str
    header: str
    algorithms: tuple[Algorithm, ...]


@dataclass(eq=False)
class Operation:
    """A call of a kernel: a C++ type of the templates, which has a `forward` and a `backward`."""

    path: str
    """The layer that it belongs to."""
    kernel: str
    """The C++ type; `{x}`, `{y}`, `{relu}` and `{constants}` stand for what is known later."""
    header: str
    """The file of the templates that has it."""
    x: Value
    y: Value
    parameters: tuple[str, ...] = ()
    """The paths of the arrays that it packs and gives gradients of, in the kernel's order."""
    reads: str = "xy"
    """What its way back reads besides dy: "x", "y", both or neither."""
    keeps: bool = False
    """Whether its way forth leaves something else for the way back."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Numbers that are no whole numbers, or many: members of a struct of constants."""
    relu: bool = False
    """Whether what `{relu}` stands for is on: the ReLU behind it is part of the kernel."""

    pooled: Pooled | None = None
    """What takes its place where such a pooling follows."""
    multiply_adds: int = 0
    """Those of one way forth, computed directly; the two ways back, to x and to the kernel, have as many each."""
    algorithms: tuple[Algorithm, ...] = ()
    """How the products are computed: forth, back to x, back to the kernel. Empty stands for directly."""

    added: Value | None = None
    """What a normalization over the batch adds before its ReLU: the other way round a residual block."""

    @property
    def batchwise(self) -> bool:
        """Whether it needs statistics of the whole batch."""
        return self.kernel.startswith("BatchNormalization<")

    @property
    def inputs(self) -> tuple[Value, ...]:
        """What it computes from."""
        return (self.x,) if self.added is None else (self.x, self.added)


@dataclass(eq=False)
class Sum:
    """The sum of several values of one shape."""

    path: str
    inputs: tuple[Value, ...]
    y: Value


@dataclass(eq=False)
class Concatenation:
    """Several values side by side, along the channels."""

    path: str
    inputs: tuple[Value, ...]
    y: Value


Item = Operation | Sum | Concatenation


@dataclass(eq=False)
class Graph:
    """What is computed of an image, in this order."""

    image: Value
    items: list[Item]
    outputs: dict[str, Value]
    """What each layer gives, by its path; the network's own output has the empty path."""
    sides: list[tuple[Value, float]]
    """The side outputs, with the weight of their losses."""

    @property
    def output(self) -> Value:
        """What the whole network gives."""
        return self.outputs[""]

    def readers(self, value: Value) -> list[Item]:
        """Return what computes from a value."""
        return [item for item in self.items if value in item.inputs]

    def is_end(self, value: Value) -> bool:
        """Return whether losses are computed from a value."""
        return value is self.output or any(value is side for side, _ in self.sides)
