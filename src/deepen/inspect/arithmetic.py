"""What a network costs and sees, layer by layer, from the description alone: no arrays, no engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

    Position i of an axis sees the pixels from `offset + i · stride` up to `offset + i · stride + size − 1`; some
    of them may lie in the padding. A stride of 0 says that there is one field for all positions.

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

    def united(self, other: ReceptiveField) -> ReceptiveField:
        """Return the field of what sees both."""
        axes = [
            (min(a, b), max(a + m, b + n))
            for a, b, m, n in zip(self.offset, other.offset, self.size, other.size, strict=True)
        ]
        return ReceptiveField(
            _pair(end - first for first, end in axes),
            _pair(map(max, self.stride, other.stride)),
            _pair(first for first, _ in axes),
        )


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
    """Return the receptive field of each leaf's output by its path; nothing where the input is no image."""
    found: dict[str, ReceptiveField] = {}
    if len(input_shape) == 3:
        _through(Child("", network, input_shape), "", ReceptiveField(), found)
    return found


def _through(child: Child, path: str, field: ReceptiveField, found: dict[str, ReceptiveField]) -> ReceptiveField:
    """Return the field behind a layer, and note those of the leaves on the way."""
    layer, shape = child.layer, child.input_shape
    if not layer.container:
        reach = layer.reach(shape)
        field = field.grown(reach) if reach else field.of_all(shape) if len(shape) == 3 else field
        found[path] = field
        return field
    inside = layer.children(shape)
    match layer:
        case SideOutput():
            _chain(inside, path, field, found)
            return field
        case Residual():
            *body, shortcut = inside
            return _chain(body, path, field, found).united(_chain([shortcut], path, field, found))
        case Parallel():
            first, *others = [_chain([branch], path, field, found) for branch in inside]
            for other in others:
                first = first.united(other)
            return first
    return _chain(inside, path, field, found)


def _chain(
    children: Iterable[Child], path: str, field: ReceptiveField, found: dict[str, ReceptiveField]
) -> ReceptiveField:
    for child in children:
        field = _through(child, join(path, child.name), field, found)
    return field


def _pair(numbers: Iterable[int]) -> Pair:
    first, second = numbers
    return first, second
