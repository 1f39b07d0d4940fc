"""Side outputs: auxiliary heads that a network is trained with and does without afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.layers.combine import (
    Container,
    Parallel,
    Residual,
    Sequential,
    forward_child,
    split_softmax,
    torch_forward_child,
)
from deepen.paths import Shape, Tree, below, flatten, join, nest
from deepen.spec import Child, Layer


@register
@dataclass(frozen=True)
class SideOutput(Container):
    """Pass the maps on as they are, and while training also classify them with a head of their own.

    `y = x`; the loss becomes `L(network) + weight · L(head(x))`, so that gradients reach early layers on a short
    way: `dx = dy + weight · head'(dL)`. A softmax at the end of the head is left to a loss that works on logits,
    as at the end of the network. In evaluation the head is computed only for who looks into it.

    Shapes: x of any shape that the head takes stays as it is; the head gives `(N, K)`.

    Raises:
        DeepenError: the weight is not above 0, or the head is no layer.
        ShapeError: the head cannot take the maps, or does not end in one number for each class.

    Source: Szegedy et al., "Going deeper with convolutions", 2014, section 5 (there the weight is 0.3).
    """

    head: Layer
    weight: float = 0.3

    kind: ClassVar[str] = "side"

    def __post_init__(self) -> None:
        if not isinstance(self.head, Layer):
            raise DeepenError(f"SideOutput: the head must be a layer, such as a Sequential, got {self.head!r:.80}")
        fields.above_0(self, "weight")

    def inside(self) -> Iterable[tuple[str, Layer]]:
        return (("head", self.head),)

    def children(self, input_shape: Shape) -> tuple[Child, ...]:
        return (Child("head", self.head, input_shape),)

    def output_shape(self, input_shape: Shape) -> Shape:
        (head,) = self.children(input_shape)
        if len(head.output_shape) != 1:
            raise self.misfit(
                f"has a head that gives {head.output_shape} for each image, but a side output is one number for "
                "each class; end the head with Flatten and Dense"
            )
        return input_shape

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return x itself; the cache is what the head keeps, and the side output, whose gradient comes later."""
        if not ctx.training and not ctx.watched:
            return x, None
        z, cache = forward_child("head", self.head, x, params, ctx)
        return x, (cache, ctx.emit(z, self.weight)) if ctx.training else None

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of the head."""
        inner = cast("dict[str, Any]", below(params, "head"))
        if cache is None:
            return dy, _named(nest({path: np.zeros_like(array) for path, array in flatten(inner).items()}))
        kept, emitted = cache
        dx, gradients = self.head.backward(emitted.gradient, inner, kept)
        return dy + dx, _named(gradients)

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Return x itself, and compute the head while training."""
        if ctx.training or ctx.watched:
            z = torch_forward_child("head", self.head, F, x, params, ctx)
            if ctx.training:
                ctx.emit(z, self.weight)
        return x


def _named(gradients: dict[str, Any]) -> dict[str, Any]:
    return {"head": gradients} if gradients else {}


def as_logits(network: Layer) -> Layer:
    """Return the network with the softmax at its end, and at the ends of its side outputs, left to the loss."""
    return _with_heads_as_logits(split_softmax(network)[0])


def _with_heads_as_logits(layer: Layer) -> Layer:
    match layer:
        case SideOutput():
            return replace(layer, head=as_logits(layer.head))
        case Sequential():
            return replace(layer, layers=tuple(map(_with_heads_as_logits, layer.layers)))
        case Residual():
            shortcut = None if layer.shortcut is None else _with_heads_as_logits(layer.shortcut)
            return replace(layer, body=_with_heads_as_logits(layer.body), shortcut=shortcut)
        case Parallel():
            return replace(layer, branches=tuple(map(_with_heads_as_logits, layer.branches)))
    return layer


def side_outputs(layer: Layer, input_shape: Shape, path: str = "") -> Iterator[tuple[str, Child]]:
    """Yield the head of every side output of a network, with the path of the side output."""
    for child in layer.children(input_shape):
        here = join(path, child.name)
        if isinstance(layer, SideOutput):
            yield path, child
        yield from side_outputs(child.layer, child.input_shape, here)
