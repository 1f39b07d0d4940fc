"""A network as layers with weights, joined by merges: what can be compared with a Keras model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deepen.arrays import Array
from deepen.errors import DataError
from deepen.exchange.keras_layout import KerasTensor, order_behind, settings, tensors
from deepen.inspect.arithmetic import ways
from deepen.layers import Conv2D, Dense, Parallel, Residual, Sequential, SideOutput
from deepen.paths import Shape, join, owner
from deepen.spec import Child, Layer

Way = tuple[Layer, ...]


@dataclass(frozen=True)
class Step:
    """A layer with weights, a merge of branches, or an end; everything else lies on the ways between them."""

    kind: str
    """Keras' word for it, such as `conv2d`, `add` or `concatenate`; `input` and `output` are the ends."""
    shapes: tuple[Shape, ...] = ()
    """Of the weights, in Keras' layout."""
    inputs: tuple[int, ...] = ()
    """The numbers of the steps whose outputs come in; all are smaller than the step's own."""
    name: str = ""
    """The path of a layer here, or its group in a file."""
    ways: tuple[Way, ...] = ()
    """For each input the layers without weights that it passes on its way."""
    layer: Layer | None = None
    """The layer with weights, as it is called here."""
    arrays: tuple[KerasTensor, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else has to be equal, by Keras' names for it."""

    @property
    def weighted(self) -> bool:
        """Whether it is a layer with weights."""
        return bool(self.shapes)


INPUT = Step("input", name="the images")
ADD = "add"


def output(at: int, way: Way) -> Step:
    """Return the step at which a network ends."""
    return Step("output", inputs=(at,), name="the outputs", ways=(way,))


def of_network(network: Layer, input_shape: Shape, depthwise: bool) -> list[Step]:
    """Return the steps of a network, in its order of computation; `depthwise` is as for `tensors`.

    Raises:
        DataError: a layer has no counterpart in Keras.
    """
    network.output_shape(input_shape)
    steps = [INPUT]
    end = _follow(network, input_shape, "", _Place(0), steps, depthwise)
    return [*steps, output(end.at, end.way)]


class _Place(NamedTuple):
    at: int
    """The last step so far."""
    way: Way = ()
    """What lies behind it."""
    order: Array | None = None
    """The order of the features where they are flattened maps."""


def _follow(
    layer: Layer, input_shape: Shape, path: str, place: _Place, steps: list[Step], depthwise: bool
) -> _Place:
    def chain(children: Iterable[Child]) -> _Place:
        end = place
        for child in children:
            end = _follow(child.layer, child.input_shape, join(path, child.name), end, steps, depthwise)
        return end

    children = layer.children(input_shape)
    match layer:
        case Sequential():
            return chain(children)
        case SideOutput():
            chain(children)
            return place
        case Residual() | Parallel():
            joined = isinstance(layer, Parallel) and layer.merge == "concat"
            return _merge("concatenate" if joined else ADD, path, list(map(chain, ways(layer, children))), steps)
    kind, arrays = tensors(path, layer, input_shape, place.order, depthwise)
    order = order_behind(layer, input_shape, place.order)
    if not arrays:
        return _Place(place.at, (*place.way, layer), order)
    shapes = tuple(array.shape for array in arrays)
    steps.append(Step(kind, shapes, (place.at,), path, (place.way,), layer, arrays, settings(layer)))
    activation = (layer.function,) if isinstance(layer, (Conv2D, Dense)) and layer.activation else ()
    return _Place(len(steps) - 1, activation, order)


def _merge(kind: str, path: str, ends: Sequence[_Place], steps: list[Step]) -> _Place:
    if any(end.order is not None for end in ends):
        raise DataError(f"{path} merges flattened maps, which Keras has in another order; merge before Flatten")
    steps.append(Step(kind, (), tuple(end.at for end in ends), path, tuple(end.way for end in ends)))
    return _Place(len(steps) - 1)


def is_chain(steps: Sequence[Step]) -> bool:
    """Return whether every step takes what the one before it gives."""
    return all(step.inputs == (number - 1,) for number, step in enumerate(steps) if number)


def names(steps: Sequence[Step], nested: bool) -> list[str]:
    """Return the groups in which Keras keeps the layers of a chain: `layers/conv2d`, `layers/conv2d_1`, ….

    With `nested`, a Sequential in the network is a model in Keras' model: `layers/sequential/layers/conv2d`.
    """
    counts: Counter[str] = Counter()

    def numbered(place: str) -> str:
        counts[place] += 1
        return place if counts[place] == 1 else f"{place}_{counts[place] - 1}"

    models = {"": "layers"}

    def model(path: str) -> str:
        if path not in models:
            models[path] = numbered(f"{model(owner(path))}/sequential") + "/layers"
        return models[path]

    return [numbered(f"{model(owner(step.name) if nested else '')}/{step.kind}") for step in steps if step.arrays]


def by_signature(
    ours: Sequence[Step], theirs: Sequence[Step], wired: bool
) -> Iterator[tuple[list[Step], list[Step]]]:
    """Yield the layers with weights that correspond: of both sides those with equal signatures.

    A signature is kind and shapes with, if `wired`, the signatures of everything before and behind a step. A sum
    does not tell its inputs apart, a concatenation does.
    """
    numbers: dict[Any, int] = {}
    groups: dict[int, tuple[list[Step], list[Step]]] = defaultdict(lambda: ([], []))
    for side, steps in enumerate((ours, theirs)):
        for step, signature in zip(steps, signatures(steps, numbers, wired), strict=True):
            if step.weighted:
                groups[signature][side].append(step)
    yield from groups.values()


def signatures(steps: Sequence[Step], numbers: dict[Any, int], wired: bool) -> list[int]:
    """Number the steps as `numbers` goes on: equal numbers in two networks mean equal places in them."""

    def number(key: Any) -> int:
        return numbers.setdefault(key, len(numbers))

    if not wired:
        return [number((step.kind, step.shapes)) for step in steps]
    before: list[int] = []
    for step in steps:
        inputs = [before[i] for i in step.inputs]
        before.append(number((step.kind, step.shapes, tuple(sorted(inputs) if step.kind == ADD else inputs))))
    uses: list[list[tuple[int, int]]] = [[] for _ in steps]
    found = [0] * len(steps)
    for i in reversed(range(len(steps))):
        found[i] = number((before[i], tuple(sorted(uses[i]))))
        for place, source in enumerate(steps[i].inputs):
            uses[source].append((0 if steps[i].kind == ADD else place, found[i]))
    return found
