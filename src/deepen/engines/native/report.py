"""What a plan does with each layer: by which algorithm, what that saves, and how much memory it takes."""

from __future__ import annotations

from dataclasses import dataclass

from deepen.engines.native.graph import Operation
from deepen.engines.native.plan import VECTOR, Cell, Plan


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
    operations = [kernel.operation for kernel in plan.kernels]
    stored = [cell for cell in plan.cells if len(plan.stages_of(cell)) > 1]
    bytes_stored = number_bytes * sum(map(_numbers, stored))
    rows = tuple(_row(operation, number, number_bytes) for number, operation in enumerate(operations))
    return Report(rows, len(plan.stages), bytes_stored)


def _row(operation: Operation, number: int, number_bytes: int) -> Row:
    # The first layer has no way back to x: nobody asks for the gradient of the images.
    direct = [operation.multiply_adds] * (2 if number == 0 else 3) if operation.multiply_adds else []
    shares = [algorithm.share for algorithm in operation.algorithms] or [1.0] * 3
    names = [algorithm.template for algorithm in operation.algorithms] or ["Direct"] * 3
    if len(direct) == 2:
        shares, names = [shares[0], shares[2]], [names[0], "–", names[2]]
    channels, height, width = operation.y.maps
    border = 2 * operation.y.border
    pixels = (height + border) * (width + border) * -(-channels // VECTOR) * VECTOR
    return Row(
        operation.path,
        operation.kernel.partition("<")[0],
        tuple(names) if direct else (),
        sum(direct),
        round(sum(share * count for share, count in zip(shares, direct, strict=False))),
        number_bytes * pixels,
    )


def _numbers(cell: Cell) -> int:
    channels, height, width = cell.maps
    return height * width * -(-channels // VECTOR) * VECTOR
