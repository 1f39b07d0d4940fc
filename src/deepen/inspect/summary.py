"""The table of a network's layers, from the description alone: no arrays, no engine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from deepen import spec
from deepen.paths import Shape
from deepen.spec import Layer, Param


@dataclass(frozen=True)
class Row:
    """A leaf of the network; `parameters` counts trainable and fixed ones."""

    name: str
    type: str
    output_shape: Shape
    parameters: int


@dataclass(frozen=True)
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

    def to_data(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        return asdict(self)


def summarize(network: Layer, input_shape: Shape) -> Summary:
    """Return the table of a network for one shape of images `(C, H, W)`.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
    """
    nodes = list(spec.walk(network, input_shape))
    owned = [list(node.layer.params(node.input_shape).values()) for node in nodes]
    rows = [
        Row(node.path, type(node.layer).__name__, node.output_shape, _count(params))
        for node, params in zip(nodes, owned, strict=True)
    ]
    everything = [param for params in owned for param in params]
    return Summary(
        input_shape=input_shape,
        layers=tuple(rows),
        parameters=_count([param for param in everything if param.trainable]),
        fixed=_count([param for param in everything if not param.trainable]),
        statistics=_count(list(spec.statistics(network, input_shape).values())),
    )


def _count(params: list[Param]) -> int:
    return sum(param.size for param in params)


def as_text(summary: Summary, title: str) -> str:
    """Return the table as text, in the columns that Keras has made familiar."""
    head = ("layer (type)", "output shape", "parameters")
    body = [
        (f"{row.name} ({row.type})", f"(N, {', '.join(map(str, row.output_shape))})", f"{row.parameters:,}")
        for row in summary.layers
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]

    def line(cells: tuple[str, str, str]) -> str:
        return f"{cells[0]:<{widths[0]}}  {cells[1]:<{widths[1]}}  {cells[2]:>{widths[2]}}"

    rule = "─" * (sum(widths) + 4)
    totals = [f"trainable parameters  {summary.parameters:,}"]
    if summary.fixed:
        totals.append(f"fixed parameters      {summary.fixed:,}")
    if summary.statistics:
        totals.append(f"running statistics    {summary.statistics:,}")
    top = f"{title}: input (N, {', '.join(map(str, summary.input_shape))})"
    return "\n".join([top, rule, line(head), rule, *map(line, body), rule, *totals])
