"""A network as layers with weights, joined by merges: what can be compared with a Keras model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepen.arrays import Array
from deepen.errors import DataError
from deepen.exchange.keras_layout import Tensor, order_behind, settings, tensors
from deepen.layers import Parallel, Residual, Sequential, SideOutput
from deepen.paths import Shape, join, owner
from deepen.spec import Child, Layer


@dataclass(frozen=True)
class Step:
    """A layer with weights, or a merge of branches; everything else only hands on what comes in."""

    label: tuple[Any, ...]
    """Kind and shapes in Keras' layout; `("add",)` or `("concatenate",)`; `("input",)`."""
    inputs: tuple[int, ...] = ()
    """The numbers of the steps whose outputs come in; all are smaller than the step's own."""
    name: str = ""
    """The path of a layer here, or its group in a file."""
    arrays: tuple[Tensor, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else has to be equal, by Keras' names for it."""

    @property
    def weighted(self) -> bool:
        """Whether it is a layer with weights."""
        return len(self.label) > 1

    @property
    def kind(self) -> str:
        """Keras' word for it, such as `conv2d`."""
        return str(self.label[0])


INPUT = Step(("input",))
ADD = ("add",)


def of_network(network: Layer, input_shape: Shape, depthwise: bool) -> list[Step]:
    """Return the steps of a network, in its order of computation; `depthwise` is as for `tensors`.

    Raises:
        DataError: a layer has no counterpart in Keras.
    """
    network.output_shape(input_shape)
    steps = [INPUT]
    _follow(network, input_shape, "", (0, None), steps, depthwise)
    return steps


_Place = tuple[int, Array | None]
"""The last step so far, and the order of its features where they are flattened maps."""


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
        case Residual():
            return _merge(ADD, path, [chain(children[:-1]), chain(children[-1:])], steps)
        case Parallel():
            merged: tuple[object, ...] = ADD if layer.merge == "add" else ("concatenate",)
            return _merge(merged, path, [chain([child]) for child in children], steps)
    at, order = place
    kind, arrays = tensors(path, layer, input_shape, order, depthwise)
    if arrays:
        label = (kind, *(array.shape for array in arrays))
        steps.append(Step(label, (at,), path, arrays, settings(layer)))
        at = len(steps) - 1
    return at, order_behind(layer, input_shape, order)


def _merge(label: tuple[object, ...], path: str, ends: Sequence[_Place], steps: list[Step]) -> _Place:
    if any(order is not None for _, order in ends):
        raise DataError(f"{path} merges flattened maps, which Keras has in another order; merge before Flatten")
    steps.append(Step(label, tuple(at for at, _ in ends)))
    return len(steps) - 1, None


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

    A signature is the label with, if `wired`, the signatures of everything before and behind a step. A sum does
    not tell its inputs apart, a concatenation does.
    """
    numbers: dict[Any, int] = {}
    groups: dict[int, tuple[list[Step], list[Step]]] = defaultdict(lambda: ([], []))
    for side, steps in enumerate((ours, theirs)):
        for step, signature in zip(steps, _signatures(steps, numbers, wired), strict=True):
            if step.weighted:
                groups[signature][side].append(step)
    yield from groups.values()


def _signatures(steps: Sequence[Step], numbers: dict[Any, int], wired: bool) -> list[int]:
    """Number what a step computes: equal numbers in two networks mean equal places in them."""

    def number(key: Any) -> int:
        return numbers.setdefault(key, len(numbers))

    if not wired:
        return [number(step.label) for step in steps]
    before: list[int] = []
    for step in steps:
        inputs = [before[i] for i in step.inputs]
        before.append(number((step.label, tuple(sorted(inputs) if step.label == ADD else inputs))))
    uses: list[list[tuple[int, int]]] = [[] for _ in steps]
    found = [0] * len(steps)
    for i in reversed(range(len(steps))):
        found[i] = number((before[i], tuple(sorted(uses[i]))))
        for place, source in enumerate(steps[i].inputs):
            uses[source].append((0 if steps[i].label == ADD else place, found[i]))
    return found
