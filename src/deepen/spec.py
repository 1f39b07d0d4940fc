"""What a network is before anything runs: layers, their shapes and parameters, and the paths that name them.

Standard library only: everything here is known without arrays and without an engine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

from deepen.context import Context
from deepen.description import Described
from deepen.errors import DeepenError, ShapeError
from deepen.paths import Shape, Tree, join

_NAME = re.compile(r"[^\W\d]\w*")


class Initializer(Described):
    """Base of the initializers: what a parameter holds before training."""

    def sample(self, shape: Shape, seed: int, path: str) -> Any:
        """Return the first values of the parameter at `path`, as a float64 array; the same at every call."""
        raise DeepenError(f"{type(self).__name__} lacks sample")


class Regularizer(Described):
    """Base of the regularizers: a penalty R(w) that training adds to the loss."""

    def value(self, w: Any) -> Any:
        """Return R(w), a number, for a NumPy array or a PyTorch tensor."""
        raise DeepenError(f"{type(self).__name__} lacks value")

    def gradient(self, w: Any) -> Any:
        """Return dR/dw for a NumPy array."""
        raise DeepenError(f"{type(self).__name__} lacks gradient")


class Constraint(Described):
    """Base of the constraints: where a parameter is brought back to after each step."""

    def project(self, w: Any) -> Any:
        """Return the nearest allowed values to a NumPy array or a PyTorch tensor."""
        raise DeepenError(f"{type(self).__name__} lacks project")


@dataclass(frozen=True)
class Param:
    """An array that a layer owns: its shape, the initializer that fills it, and how training treats it."""

    shape: Shape
    initializer: Initializer
    trainable: bool = True
    decay: bool = True
    """Whether weight decay applies; biases and the parameters of normalization are usually spared."""
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None

    @property
    def size(self) -> int:
        """How many numbers the array holds."""
        return prod(self.shape)


@dataclass(frozen=True)
class Reach:
    """Which window of a layer's input one position of its output sees, along (height, width)."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    """How far the first window begins above and left of the input: the padding there."""


@dataclass(frozen=True)
class Layer(Described):
    """A step of a network, described as data; it holds no arrays and no state.

    The shapes that a layer speaks of leave out the batch axis N; the arrays that it computes with have it.
    A subclass is complete when it has a shape rule, a NumPy forward and backward pass and its PyTorch line.
    """

    kind: ClassVar[str] = "layer"
    """The stem of the default name: the second convolution of a container is `conv2`."""

    container: ClassVar[bool] = False
    """Whether the layer is made of other layers."""

    _: KW_ONLY
    name: str | None = None

    def misfit(self, problem: str) -> ShapeError:
        """Return the error that says what of a shape this layer cannot take."""
        return ShapeError(type(self).__name__, problem)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape that comes out for one example of `input_shape`.

        Raises:
            ShapeError: the layer cannot take this shape.
        """
        raise DeepenError(f"{type(self).__name__} lacks output_shape")

    def params(self, input_shape: Shape) -> dict[str, Param]:
        """Return what training learns (or, with `trainable=False`, what stays fixed)."""
        return {}

    def statistics(self, input_shape: Shape) -> dict[str, Param]:
        """Return the running statistics that a training pass updates through its context."""
        return {}

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return how many multiplications with an addition one image takes: those of the layer's kernels.

        A kernel (a parameter with more than one axis) is used as a whole at each position of the output. What
        else there is to compute, such as a bias, an activation or a pooling, is left out, as papers do.
        """
        kernels = sum(param.size for param in self.params(input_shape).values() if len(param.shape) > 1)
        return kernels * prod(self.output_shape(input_shape)[1:])

    def reach(self, input_shape: Shape) -> Reach | None:
        """Return which window of the input one position of the output sees; None where it sees everything.

        A layer that keeps height and width is taken to work on each position by itself.
        """
        output_shape = self.output_shape(input_shape)
        keeps = len(output_shape) == len(input_shape) and output_shape[1:] == input_shape[1:]
        return Reach() if keeps else None

    def children(self, input_shape: Shape) -> tuple[Child, ...]:
        """Return the layers that a container is made of, in the order of computation; a leaf has none."""
        return ()

    def forward(self, x: Any, params: Tree, ctx: Context) -> tuple[Any, Any]:
        """Compute the output for a NumPy batch; return it with what the backward pass needs."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy forward pass")

    def backward(self, dy: Any, params: Tree, cache: Any) -> tuple[Any, dict[str, Any]]:
        """Return the gradients with respect to the input and to each parameter; `dy` is left as it is."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy backward pass")

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute the output for a PyTorch batch; `F` is `torch.nn.functional`."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch forward pass")


@dataclass(frozen=True)
class Child:
    """A layer inside a container: its name there, and the shape that reaches it."""

    name: str
    layer: Layer
    input_shape: Shape

    @cached_property
    def output_shape(self) -> Shape:
        """The shape that the child hands on; a misfit is reported under the child's name."""
        try:
            return self.layer.output_shape(self.input_shape)
        except ShapeError as error:
            raise error.within(self.name) from None


@dataclass(frozen=True)
class Node:
    """A leaf of a network with its place in it."""

    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape

    def join(self, name: str) -> str:
        """Return the dotted path of one of this leaf's arrays."""
        return join(self.path, name)


def network_output(network: Layer, input_shape: Shape) -> Shape:
    """Return what a network makes of one image.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it; where channels seem to come last, that is said.
    """
    try:
        return network.output_shape(input_shape)
    except ShapeError as error:
        if len(input_shape) == 3 and input_shape[0] > 3 and input_shape[2] in (1, 3):
            first = (input_shape[2], *input_shape[:2])
            raise ShapeError(error.layer, f"{error.problem}; channels come first: {first}?", error.path) from error
        raise


def walk(network: Layer, input_shape: Shape) -> Iterator[Node]:
    """Yield the leaves of a network in the order of computation, once the whole network fits together.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it; the error names the layer's path.
    """
    network.output_shape(input_shape)
    yield from _leaves(network, input_shape, "")


def _leaves(layer: Layer, input_shape: Shape, path: str) -> Iterator[Node]:
    if not layer.container:
        yield Node(path, layer, input_shape, layer.output_shape(input_shape))
    for child in layer.children(input_shape):
        yield from _leaves(child.layer, child.input_shape, join(path, child.name))


def parameters(network: Layer, input_shape: Shape) -> dict[str, Param]:
    """Return every parameter of a network by its dotted path, such as `stage2.block1.conv1.kernel`."""
    nodes = walk(network, input_shape)
    return {node.join(name): p for node in nodes for name, p in node.layer.params(node.input_shape).items()}


def statistics(network: Layer, input_shape: Shape) -> dict[str, Param]:
    """Return every running statistic of a network by its dotted path."""
    nodes = walk(network, input_shape)
    return {node.join(n): p for node in nodes for n, p in node.layer.statistics(node.input_shape).items()}


def names_of(layers: Iterable[Layer], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Name the layers of one container: as given, else by kind and ordinal (`conv1`, `conv2`).

    A layer with a name of its own still counts, so naming one layer renames no other.

    Raises:
        DeepenError: two layers have one name, or a name is not a plain word.
    """
    counts: Counter[str] = Counter()
    names: list[str] = []
    for layer in layers:
        counts[layer.kind] += 1
        name = layer.name if layer.name is not None else f"{layer.kind}{counts[layer.kind]}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DeepenError(f"{name!r} cannot name a layer; use letters, digits and _, as in 'block1'")
        if name in names or name in taken:
            raise DeepenError(f"two layers of one container are named {name!r}; give one another name")
        names.append(name)
    return tuple(names)


def layer_paths(layer: Layer, input_shape: Shape, path: str = "") -> Iterator[str]:
    """Yield the paths of all layers, containers before what is in them; the network itself has none."""
    for child in layer.children(input_shape):
        here = join(path, child.name)
        yield here
        yield from layer_paths(child.layer, child.input_shape, here)
