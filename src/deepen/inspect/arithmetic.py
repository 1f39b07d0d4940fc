"""What a network costs and sees, layer by layer, from the description alone: no arrays, no engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

from deepen import spec
from deepen.layers import Parallel, Residual, SideOutput
from deepen.layers.side import side_outputs
from deepen.paths import Shape, join
from deepen.spec import Child, Layer, Node, Reach

Pair = tuple[int, int]

FLOAT_BYTES = 4
"""Activations are float32."""


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels of the image one position of a map depends on, along (height, width).

    Position i of an axis sees pixels from `offset + i · stride` up to `offset + i · stride + size − 1`; some of
    them may lie in the padding. A stride of 0 says that there is one field for all positions.

    Source: Araujo et al., "Computing receptive fields of convolutional neural networks", Distill, 2019.
    """

    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    offset: Pair = (0, 0)

    def grown(self, reach: Reach) -> ReceptiveField:
        """Return the field one layer later: `size + (k − 1) · stride`, `stride · s`, `offset − p · stride`."""
        return ReceptiveField(
            _pair(size + (k - 1) * step for size, k, step in zip(self.size, reach.size, self.stride, strict=True)),
            _pair(step * s for step, s in zip(self.stride, reach.stride, strict=True)),
            _pair(first - p * step for first, p, step in zip(self.offset, reach.before, self.stride, strict=True)),
        )

    def of_all(self, maps: Shape) -> ReceptiveField:
        """Return the field of something that sees all positions of maps `(C, H, W)`."""
        sizes = zip(self.size, maps[1:], self.stride, strict=True)
        return ReceptiveField(_pair(size + (count - 1) * step for size, count, step in sizes), (0, 0), self.offset)

    def united(self, other: ReceptiveField, maps: Shape) -> ReceptiveField:
        """Return the smallest field that holds both, of merged maps `(C, H, W)`.

        Fields that move on at different strides drift apart, so that one for all positions has to hold them.
        """
        if self.stride != other.stride:
            return self.of_all(maps).united(other.of_all(maps), maps)
        axes = [
            (min(a, b), max(a + m, b + n))
            for a, b, m, n in zip(self.offset, other.offset, self.size, other.size, strict=True)
        ]
        return ReceptiveField(
            _pair(end - first for first, end in axes),
            self.stride,
            _pair(first for first, _ in axes),
        )

    def __str__(self) -> str:
        """Write it as `size /stride @offset`: `14×14 /2 @-6`, or `32×32 @0` if it is one for all positions."""
        stride = "" if self.stride == (0, 0) else f" /{_both(self.stride, '×')}"
        return f"{self.size[0]}×{self.size[1]}{stride} @{_both(self.offset, ',')}"


@dataclass(frozen=True)
class Figures:
    """A leaf of a network in numbers, for one image."""

    node: Node
    multiply_adds: int
    activation_bytes: int
    """What its output takes as float32."""
    receptive_field: ReceptiveField | None
    """None where the network's input is no image."""
    for_training_only: bool
    """Whether it stands in the head of a side output, which evaluation leaves out."""


def figures(network: Layer, input_shape: Shape) -> list[Figures]:
    """Return the leaves of a network in the order of computation, each in numbers.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
    """
    fields = receptive_fields(network, input_shape)
    heads = tuple(join(path, head.name) + "." for path, head in side_outputs(network, input_shape))
    return [
        Figures(
            node,
            node.layer.multiply_adds(node.input_shape),
            FLOAT_BYTES * prod(node.output_shape),
            fields.get(node.path),
            f"{node.path}.".startswith(heads),
        )
        for node in spec.walk(network, input_shape)
    ]


def receptive_fields(network: Layer, input_shape: Shape) -> dict[str, ReceptiveField]:
    """Return the receptive field behind each layer by its path, behind containers after what is in them.

    Nothing is found where the input is no image.
    """
    found: dict[str, ReceptiveField] = {}
    if len(input_shape) == 3:
        _through(Child("", network, input_shape), "", ReceptiveField(), found)
    return found


def last_maps(network: Layer, input_shape: Shape) -> tuple[str, ReceptiveField] | None:
    """Return where the last maps are, all of which the layer behind them sees, with their receptive field.

    The path is empty where the network as a whole gives them. Without maps there is nothing to return.
    """
    fields = receptive_fields(network, input_shape)
    paths = [path for path in _paths_of_maps(Child("", network, input_shape), "") if path in fields]
    return (paths[-1], fields[paths[-1]]) if paths else None


def ways(layer: Layer, children: Sequence[Child]) -> list[list[Child]]:
    """Return the ways through a container, each from its input to its output.

    A side output has none: what leaves it is what came in.
    """
    match layer:
        case SideOutput():
            return []
        case Residual():
            *body, shortcut = children
            return [body, [shortcut]]
        case Parallel():
            return [[branch] for branch in children]
    return [list(children)]


def _paths_of_maps(child: Child, path: str) -> Iterator[str]:
    inside = child.layer.children(child.input_shape)
    for inner in inside:
        yield from _paths_of_maps(inner, join(path, inner.name))
    # What leaves the network as its last layer's output is named by that layer.
    named_by_its_last = not path and bool(inside) and len(ways(child.layer, inside)) == 1
    if len(child.output_shape) == 3 and not named_by_its_last:
        yield path


def _through(child: Child, path: str, field: ReceptiveField, found: dict[str, ReceptiveField]) -> ReceptiveField:
    """Return the field behind a layer, and note it with those of the layers on the way."""
    layer, shape = child.layer, child.input_shape
    inside = layer.children(shape)
    if isinstance(layer, SideOutput):
        _chain(inside, path, field, found)
    elif layer.container:
        fields = [_chain(way, path, field, found) for way in ways(layer, inside)]
        field = reduce(lambda one, other: one.united(other, child.output_shape), fields)
    else:
        reach = layer.reach(shape)
        field = field.grown(reach) if reach else field.of_all(shape) if len(shape) == 3 else field
    found[path] = field
    return field


def _chain(
    children: Iterable[Child], path: str, field: ReceptiveField, found: dict[str, ReceptiveField]
) -> ReceptiveField:
    for child in children:
        field = _through(child, join(path, child.name), field, found)
    return field


def _both(pair: Pair, sign: str) -> str:
    """Write one number where both are the same."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}{sign}{pair[1]}"


def _pair(numbers: Iterable[int]) -> Pair:
    first, second = numbers
    return first, second
