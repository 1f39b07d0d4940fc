"""Networks side by side: what they cost, what they see, and what they reach."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from deepen import models
from deepen.errors import UsageError
from deepen.fields import is_number
from deepen.inspect.arithmetic import ReceptiveField, last_maps
from deepen.inspect.summary import FIELD_NOTE, summarize
from deepen.inspect.table import Column, Table, amount, joined
from deepen.models import Accuracy
from deepen.paths import Shape
from deepen.spec import Layer

if TYPE_CHECKING:
    from deepen.inspect.timing import Timing


class Candidate(Protocol):
    """What can be compared besides models by name: a `Network` or `Model`, or whatever else has these.

    What `figures` says of its "test_accuracy" on its "data", if it has any, is what the candidate reaches.
    """

    @property
    def name(self) -> str: ...

    @property
    def network(self) -> Layer: ...

    @property
    def input_shape(self) -> Shape: ...


@dataclass(frozen=True)
class Compared:
    """One of the networks, with its figures for one image."""

    name: str
    input_shape: Shape
    parameters: int
    """Trainable ones."""
    multiply_adds: int
    activation_bytes: int
    receptive_field: ReceptiveField | None
    """Of its last maps: what follows sees all of them at once. None where it has no maps."""
    accuracy: Accuracy | None
    source: Literal["paper", "measured"] | None
    """Whether the accuracy is what the paper reports, or was measured on the test images of its data."""
    seconds: dict[int, float] | None = None
    """What an image takes, by the size of the batch that it is in."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """The networks in the order in which they were given."""

    networks: tuple[Compared, ...]
    timing: Timing | None = None

    def to_data(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        measured = None
        if self.timing is not None:
            measured = {key: getattr(self.timing, key) for key in ("engine", "threads", "rounds")}
        return {"networks": [asdict(each) for each in self.networks], "measured_with": measured}

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(each.name for each in self.networks)}>"

    def __str__(self) -> str:
        return str(as_table(self))

    def _repr_html_(self) -> str:
        return as_table(self).as_html()


def compare(*networks: str | Candidate, measure: bool = False) -> Comparison:
    """Put networks side by side.

    Args:
        networks: models by name, with the accuracy that their paper reports, or networks and models as objects,
            with the accuracy that was measured, if one was.
        measure: also measure how long an image takes, with random weights.

    Raises:
        UnknownNameError: there is no model of that name.
        UsageError: there are fewer than two networks.
    """
    if len(networks) < 2:
        raise UsageError(f"a comparison needs two networks or more, got {len(networks)}")
    described = [_described(each) for each in networks]
    timing = None
    if measure:
        from deepen.inspect import timing as clock

        timing = clock.measure([(network, shape) for _, network, shape in described])
    seconds = timing.seconds if timing else [None] * len(networks)
    rows = []
    for given, (name, network, shape), times in zip(networks, described, seconds, strict=True):
        summary = summarize(network, shape)
        accuracy, source = _reached(given)
        _, field = last_maps(network, shape) or ("", None)
        costs = summary.parameters, summary.multiply_adds, summary.activation_bytes
        rows.append(Compared(name, shape, *costs, field, accuracy, source, times))
    return Comparison(tuple(rows), timing)


def _described(given: str | Candidate) -> tuple[str, Layer, Shape]:
    if isinstance(given, str):
        return given, models.build(given), models.entry(given).input_shape
    return given.name, given.network, given.input_shape


def _reached(given: str | Candidate) -> tuple[Accuracy | None, Literal["paper", "measured"] | None]:
    if isinstance(given, str):
        reported = models.entry(given).reported
        return reported, "paper" if reported else None
    figures = getattr(given, "figures", {})
    reached = figures.get("test_accuracy")
    if not (is_number(reached) and 0 <= float(reached) <= 1):
        return None, None  # not measured, or not by this library
    return Accuracy(round(100 * float(reached), 2), str(figures.get("data", "its test images"))), "measured"


def as_table(comparison: Comparison) -> Table:
    """Return the networks as rows."""
    batches = comparison.timing.seconds[0] if comparison.timing else ()
    columns = (
        Column("network", "left"),
        Column("input", "left", spare=2),
        Column("parameters"),
        Column("multiply-adds"),
        Column("activations", spare=3),
        Column("receptive field", "left", spare=4, note=f"{FIELD_NOTE}; of the last maps"),
        Column("accuracy", "left", spare=1, wraps=28, note="accuracy: as the paper reports it, or measured"),
        *(Column(f"ms, batch {batch}") for batch in batches),
    )
    notes = (f"ms: for an image; {comparison.timing}; random weights",) if comparison.timing else ()
    return Table(columns, tuple(map(_cells, comparison.networks)), notes=notes)


def _cells(each: Compared) -> tuple[str, ...]:
    return (
        each.name,
        joined(each.input_shape),
        f"{each.parameters:,}",
        f"{each.multiply_adds:,}",
        amount(each.activation_bytes),
        "–" if each.receptive_field is None else str(each.receptive_field),
        "–" if each.accuracy is None else f"{each.accuracy}, {each.source}",
        *(f"{1000 * seconds:,.2f}" for seconds in (each.seconds or {}).values()),
    )
