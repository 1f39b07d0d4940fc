"""What a program does: which calls it makes, in which stages between barriers.

A stage is what a thread does with its images, a few at a time, without waiting for the others. Where a value of
the whole batch is needed, as for batch normalization, all threads wait and the next stage begins. What one stage
alone uses is scratch, small enough for the thread's cache; what outlives its stage is stored for all images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from deepen.engines.native.graph import Graph, Operation


@dataclass(eq=False)
class Cell:
    """Room for something of each image: a value, its gradient, or what a kernel keeps."""

    name: str
    size: str
    """How many numbers it takes, in C++."""
    numbers: int
    """About how many these are."""


@dataclass(eq=False)
class Call:
    """One call of the program, with the cells that it names."""

    code: str
    cells: tuple[Cell, ...]
    work: str = "0"
    """How many numbers it works on besides, in C++."""


@dataclass
class Stage:
    """The calls between two barriers, and what one thread does for all at the end."""

    calls: list[Call] = field(default_factory=list)
    finish: list[str] = field(default_factory=list)


@dataclass
class Kernel:
    """A kernel of the program: an operation with its names."""

    name: str
    operation: Operation
    returns: bool
    """Whether its way back computes the gradient with respect to x."""
    learns: bool
    """Whether its parameters, if it has some, are trained."""
    constants: str
    """The name of its struct of constants, which kernels with the same ones share, and so share their code."""

    @property
    def type(self) -> str:
        """The name of its C++ type."""
        return type_name(self.name)

    @property
    def batchwise(self) -> bool:
        """Whether it needs statistics of the whole batch."""
        return self.operation.batchwise

    @property
    def keeps(self) -> bool:
        """Whether its way forth leaves something for the way back."""
        return self.operation.keeps

    @property
    def packs(self) -> bool:
        """Whether it computes with parameters that are packed for it."""
        return bool(self.operation.parameters) and not self.batchwise

    @property
    def weights(self) -> str:
        """Its packed parameters, in C++."""
        return f"run.weights->{self.name}" if self.packs else "nullptr"

    @property
    def sums(self) -> str:
        """A thread's sums of its gradients, in C++."""
        return f"run.sums(thread).{self.name}" if self.packs else "nullptr"

    @property
    def work(self) -> str:
        """How many numbers it works on besides, in C++."""
        return f"{self.type}::work(group)"

    @property
    def kernel(self) -> str:
        """The C++ type in full."""
        operation = self.operation
        words = {
            "{x}": operation.x.type,
            "{y}": operation.y.type,
            "{relu}": str(operation.relu).lower(),
            "{constants}": self.constants,
        }
        return re.sub(r"\{\w+\}", lambda found: words[found.group()], operation.kernel)


@dataclass
class Plan:
    """A routine of the program: training, evaluation, or what somebody wants to look at."""

    name: str
    graph: Graph
    kernels: list[Kernel]
    stages: list[Stage]
    backward: bool
    """Whether gradients are computed."""
    mixes: bool
    """Whether images are mixed, and their rows of targets with them."""

    @property
    def cells(self) -> list[Cell]:
        """All cells in the order of their first use."""
        return list(dict.fromkeys(cell for stage in self.stages for call in stage.calls for cell in call.cells))

    def stages_of(self, cell: Cell) -> list[int]:
        """Return the numbers of the stages that use a cell."""
        return [i for i, stage in enumerate(self.stages) if any(cell in call.cells for call in stage.calls)]


def type_name(name: str) -> str:
    """Return the name of the C++ type of a kernel of that name."""
    return name[:1].upper() + name[1:]
