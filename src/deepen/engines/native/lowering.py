"""From a description to a graph: every layer becomes operations, by the rule that is kept for its class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from deepen.engines.native.graph import Algorithm, Constant, Graph, Item, Operation, Pooled, Value
from deepen.engines.setup import Setup
from deepen.errors import UsageError
from deepen.paths import Shape, join
from deepen.randomness import purpose_key
from deepen.spec import Layer

Rule = Callable[["Lowering", Any, str, Value], Value]
"""What adds a layer's operations for an input, and returns their output: `rule(lowering, layer, path, x)`."""

RULES: dict[type[Layer], Rule] = {}


def rule(*classes: type[Layer]) -> Callable[[Rule], Rule]:
    """Register the rule of these classes of layers."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(classes, function))
        return function

    return register


class Lowering:
    """The graph of a network, while it grows."""

    def __init__(self, setup: Setup, training: bool, watched: Collection[str] = ()) -> None:
        self.setup, self.training, self.watched = setup, training, watched
        self.operations: list[Item] = []
        self.outputs: dict[str, Value] = {}
        self.sides: list[tuple[Value, float]] = []

    def layer(self, layer: Layer, path: str, x: Value) -> Value:
        """Add a layer's operations and return its output.

        Raises:
            UsageError: there is no rule for such a layer.
        """
        found = RULES.get(type(layer))
        if found is None:
            raise UsageError(
                f"the native engine has no rule for the layer {type(layer).__name__} ({path or 'the network'}); "
                'use engine="torch" or engine="numpy"'
            )
        before = len(self.operations)
        y = self.outputs[path] = found(self, layer, path, x)
        for item in [] if layer.container else self.operations[before:]:
            if isinstance(item, Operation) and item.parameters:
                item.multiply_adds = layer.multiply_adds(x.shape)
        return y

    def trains(self, path: str) -> bool:
        """Return whether the layer at a path computes as in training: not in evaluation, and not frozen."""
        return self.training and path not in self.setup.frozen

    def key(self, path: str) -> int:
        """Return the key of a layer's draws, as `Context.uniform` forms their purpose."""
        return purpose_key(f"draw 0 {path}")

    def add(
        self,
        path: str,
        kernel: str,
        header: str,
        x: Value,
        shape: Shape,
        *,
        parameters: tuple[str, ...] = (),
        border: int = 0,
        reads: str = "xy",
        keeps: bool = False,
        constants: Mapping[str, Constant] | None = None,
        algorithms: tuple[Algorithm, ...] = (),
        pooled: Pooled | None = None,
    ) -> Value:
        """Add an operation on x and return its output, of that shape.

        Args:
            path: of the layer.
            kernel: the C++ type, with `{x}`, `{y}` and `{constants}`.
            header: the templates' file that has it.
            x: the input.
            shape: of the output.
            parameters: the names of the layer's arrays that the kernel packs, in its order.
            border: how many rows and columns of zeros the kernel wants around x.
            reads: what its way back reads besides dy.
            keeps: whether its way forth leaves something else for the way back.
            constants: the members of `{constants}`.
            algorithms: how its products are computed.
            pooled: what computes it with a pooling behind it.
        """
        x.border = max(x.border, border)
        y = Value(shape)
        paths = tuple(join(path, name) for name in parameters)
        self.operations.append(
            Operation(
                path,
                kernel,
                header,
                x,
                y,
                paths,
                reads,
                keeps,
                dict(constants or {}),
                algorithms=algorithms,
                pooled=pooled,
            )
        )
        return y


def lower(setup: Setup, network: Layer, training: bool, watched: Collection[str] = ()) -> Graph:
    """Return the graph of a network.

    Args:
        setup: what is trained.
        network: its network, or the one whose outputs the loss takes.
        training: whether layers compute as in training.
        watched: the paths of layers whose outputs somebody wants to see.

    Raises:
        UsageError: there is no rule for a layer, or images are neither maps nor features.
    """
    if len(setup.input_shape) not in (1, 3):
        raise UsageError(
            f"the native engine computes from maps (C, H, W) or features (F,), but the images are "
            f'{setup.input_shape}; use engine="torch" or engine="numpy"'
        )
    lowering, image = Lowering(setup, training, watched), Value(setup.input_shape)
    lowering.layer(network, "", image)
    return Graph(image, lowering.operations, lowering.outputs, lowering.sides)
