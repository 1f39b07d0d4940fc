"""What a plan does with each layer: by which algorithm, what that saves, and how much memory it takes."""

from __future__ import annotations

from dataclasses import dataclass

from deepen.engines.native.graph import Algorithm
from deepen.engines.native.plan import Kernel, Plan


@dataclass(frozen=True)
class Row:
    """One operation of the training step."""

    layer: str
    """The path of its layer; of the last one, where it does what several layers say."""
    kernel: str
    """The template that computes it."""
    algorithms: tuple[str, ...]
    """How its products are computed: forth, back to x, back to the parameters; empty where it has none."""
    multiply_adds: int
    """Forth and back for one image, computed directly."""
    computed: int
    """How many of them its algorithms compute."""
    output_bytes: int
    """What its output takes for an image, rounded up to whole vectors."""


@dataclass(frozen=True)
class Report:
    """What a plan does with every layer, and what it takes altogether."""

    rows: tuple[Row, ...]
    stages: int
    """All threads wait for each other once less often."""
    stored_bytes: int
    """About what is stored for each image of a batch, as it outlives its stage."""

    @property
    def multiply_adds(self) -> int:
        """Of all operations for one image, computed directly."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def computed(self) -> int:
        """How many of them are computed."""
        return sum(row.computed for row in self.rows)


def report(plan: Plan, number_bytes: int) -> Report:
    """Return what a plan does; its numbers take so many bytes each."""
    stored = number_bytes * sum(cell.numbers for cell in plan.cells if len(plan.stages_of(cell)) > 1)
    return Report(tuple(_row(kernel, number_bytes) for kernel in plan.kernels), len(plan.stages), stored)


def _row(kernel: Kernel, number_bytes: int) -> Row:
    operation = kernel.operation
    algorithms = operation.algorithms or (Algorithm("Direct"),) * 3
    made = [
        algorithm if there else None
        for algorithm, there in zip(algorithms, (True, kernel.returns, kernel.learns), strict=True)
    ]
    each, shares = operation.multiply_adds, [algorithm.share for algorithm in made if algorithm]
    return Row(
        operation.path,
        operation.kernel.partition("<")[0],
        tuple(algorithm.template if algorithm else "–" for algorithm in made) if each else (),
        each * len(shares),
        round(each * sum(shares)),
        number_bytes * operation.y.numbers,
    )
