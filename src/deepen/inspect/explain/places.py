"""The layers of a network with their places, and which convolutions follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from deepen.inspect.arithmetic import Figures, ReceptiveField, figures, receptive_fields, ways
from deepen.layers import Conv2D, Sequential
from deepen.paths import Shape, join
from deepen.spec import Child, Layer, Node, Reach


@dataclass(frozen=True)
class Plan:
    """A network for one shape of images, and what explanations ask of it again and again."""

    network: Layer
    input_shape: Shape

    @cached_property
    def places(self) -> tuple[Node, ...]:
        """All layers in the order of computation, containers before what is in them."""
        return tuple(
            _places(Node("", self.network, self.input_shape, self.network.output_shape(self.input_shape)))
        )

    @cached_property
    def figures(self) -> list[Figures]:
        """The leaves in numbers."""
        return figures(self.network, self.input_shape)

    @cached_property
    def fields(self) -> dict[str, ReceptiveField]:
        """The receptive field behind each layer by its path; nothing where the input is no image."""
        return receptive_fields(self.network, self.input_shape)

    @cached_property
    def rows(self) -> list[list[Node]]:
        """Convolutions that follow each other with nothing but work on single pixels between them."""
        found: list[list[Node]] = [[]]
        _collect(self.places[0], found)
        return [row for row in found if row]

    def below(self, path: str) -> list[Figures]:
        """Return the leaves at a path and below it."""
        return [each for each in self.figures if within(path, each.node)]


def within(path: str, place: Node) -> bool:
    """Return whether a layer is the one at a path or in it; the empty path is that of the whole network."""
    return not path or f"{place.path}.".startswith(f"{path}.")


def inside(place: Node) -> list[Node]:
    """Return the layers that a container is made of, with their places."""
    return [placed(place.path, child) for child in place.layer.children(place.input_shape)]


def placed(path: str, child: Child) -> Node:
    """Return a child of the container at that path with its place."""
    return Node(join(path, child.name), child.layer, child.input_shape, child.output_shape)


def called(place: Node) -> str:
    """Return what a layer is called: its path, or the name of its class where it is the whole network."""
    return place.path or type(place.layer).__name__


def depth(layer: Layer, input_shape: Shape) -> int:
    """Return how many layers with a kernel lie on the longest way through a layer."""
    if not layer.container:
        return int(any(len(param.shape) > 1 for param in layer.params(input_shape).values()))
    through = ways(layer, layer.children(input_shape))
    return max((sum(depth(child.layer, child.input_shape) for child in way) for way in through), default=0)


def _places(place: Node) -> Iterator[Node]:
    yield place
    for child in inside(place):
        yield from _places(child)


def _collect(place: Node, rows: list[list[Node]]) -> None:
    """Add the convolutions at a place to the rows; the last row is the one that may go on."""
    layer = place.layer
    if type(layer) is Conv2D:
        rows[-1].append(place)
    elif isinstance(layer, Sequential):
        for child in inside(place):
            _collect(child, rows)
    elif layer.container:
        for way in ways(layer, layer.children(place.input_shape)):
            rows.append([])
            for each in way:
                _collect(placed(place.path, each), rows)
        rows.append([])
    elif layer.reach(place.input_shape) != Reach():
        rows.append([])
