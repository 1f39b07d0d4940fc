"""The table of a network's layers, from the description alone: no arrays, no engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from deepen.inspect.arithmetic import FLOAT_BYTES, ReceptiveField, figures
from deepen.inspect.table import Column, Table, amount
from deepen.paths import Shape
from deepen.spec import Layer, Param

FIELD_NOTE = (
    "receptive field: height×width that one position sees of the image, / how far apart the fields of neighbours "
    "lie, @ where the first one begins (negative: in the padding)"
)


@dataclass(frozen=True)
class Row:
    """A leaf of the network, with its figures for one image; `parameters` counts trainable and fixed ones."""

    name: str
    type: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    activation_bytes: int
    receptive_field: ReceptiveField | None
    """None where the network's input is no image."""
    for_training_only: bool
    """Whether it stands in the head of a side output, which evaluation leaves out."""


@dataclass(frozen=True, repr=False)
class Summary:
    """The rows of the table and its totals."""

    input_shape: Shape
    layers: tuple[Row, ...]
    parameters: int
    """Numbers that training learns."""
    fixed: int
    """Numbers that stay as they are."""
    statistics: int
    """Running statistics, which training updates without gradients."""
    multiply_adds: int
    """For one image, without what is there for training only."""
    activation_bytes: int
    """What the outputs of all layers take for one image, without what is there for training only."""
    model_bytes: int
    """What parameters and statistics take."""

    def to_data(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Summary of {len(self.layers)} layers: {self.parameters:,} parameters>"

    def __str__(self) -> str:
        return as_text(self)

    def as_html(self) -> str:
        """Return the table for a notebook."""
        return as_table(self).as_html()


def summarize(network: Layer, input_shape: Shape) -> Summary:
    """Return the table of a network for one shape of images `(C, H, W)`.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
    """
    rows: list[Row] = []
    owned: list[Param] = []
    statistics: list[Param] = []
    for found in figures(network, input_shape):
        node = found.node
        params = list(node.layer.params(node.input_shape).values())
        owned += params
        statistics += node.layer.statistics(node.input_shape).values()
        rows.append(
            Row(
                node.path,
                type(node.layer).__name__,
                node.output_shape,
                _count(params),
                found.multiply_adds,
                found.activation_bytes,
                found.receptive_field,
                found.for_training_only,
            )
        )
    lasting = [row for row in rows if not row.for_training_only]
    return Summary(
        input_shape=input_shape,
        layers=tuple(rows),
        parameters=_count(param for param in owned if param.trainable),
        fixed=_count(param for param in owned if not param.trainable),
        statistics=_count(statistics),
        multiply_adds=sum(row.multiply_adds for row in lasting),
        activation_bytes=sum(row.activation_bytes for row in lasting),
        model_bytes=FLOAT_BYTES * _count([*owned, *statistics]),
    )


def _count(params: Iterable[Param]) -> int:
    return sum(param.size for param in params)


def as_text(summary: Summary, title: str = "") -> str:
    """Return the table as plain text."""
    return str(as_table(summary, title))


def as_table(summary: Summary, title: str = "") -> Table:
    """Return the table in the columns that Keras has made familiar, and what a layer costs and sees."""
    columns = (
        Column("layer (type)", "left", wraps=20),
        Column("output shape", "left"),
        Column("parameters"),
        Column("multiply-adds", spare=1, wraps=1),
        Column("activations", spare=2),
        Column("receptive field", "left", spare=3, note=FIELD_NOTE),
    )
    # A line between the stages of a network, whose layers have dotted paths.
    stages = [row.name.rpartition(".")[0].partition(".")[0] for row in summary.layers]
    rules = frozenset(i for i, (here, after) in enumerate(pairwise(stages)) if here != after)
    size = f"{amount(summary.model_bytes)} ({summary.model_bytes:,} bytes as float32)"
    totals = {
        "trainable parameters": f"{summary.parameters:,}",
        **({"fixed parameters": f"{summary.fixed:,}"} if summary.fixed else {}),
        **({"running statistics": f"{summary.statistics:,}"} if summary.statistics else {}),
        "model size": size,
        "multiply-adds": f"{summary.multiply_adds:,} for an image",
        "activations": f"{amount(summary.activation_bytes)} for an image, of all layers together",
    }
    notes = [f"{name:<22}{value}" for name, value in totals.items()]
    if any(row.for_training_only for row in summary.layers):
        notes.append("*: for training only; counted in parameters and size, not in multiply-adds and activations")
    top = f"input ({_listed(summary.input_shape)})"
    top = f"{title}: {top}" if title else top
    return Table(columns, tuple(map(_cells, summary.layers)), top, tuple(notes), rules)


def _cells(row: Row) -> tuple[str, ...]:
    name = f"{row.name} ({row.type})" if row.name else row.type
    return (
        f"{name} *" if row.for_training_only else name,
        f"({_listed(row.output_shape)})",
        f"{row.parameters:,}",
        f"{row.multiply_adds:,}",
        amount(row.activation_bytes),
        "–" if row.receptive_field is None else str(row.receptive_field),
    )


def _listed(shape: Shape) -> str:
    """Return the shape of a batch's images or maps."""
    return ", ".join(("N", *map(str, shape)))
