"""Containers: networks are trees of Sequential, Residual and Parallel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import register
from deepen.errors import DeepenError
from deepen.layers.activation import Softmax
from deepen.paths import Shape, Tree, below
from deepen.spec import Child, Layer, names_of


@dataclass(frozen=True)
class Container(Layer):
    """Base of the layers that are made of named layers."""

    container: ClassVar[bool] = True

    def inside(self) -> Iterable[tuple[str, Layer]]:
        """Return the layers with their names, in the order of computation."""
        return ()


def _layers(owner: Layer, field: str) -> None:
    """Make sure that a field holds layers, and turn it into a tuple."""
    given = getattr(owner, field)
    layers = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for layer in layers:
        if not isinstance(layer, Layer):
            raise DeepenError(f"{type(owner).__name__}: {field} must be layers, got {layer!r:.80}")
    owner.set_field(field, layers)


def forward_child(name: str, layer: Layer, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
    """Run the layer `name` of a container with its own parameters and context."""
    inner = ctx.child(name)
    y, cache = layer.forward(x, below(params, name), inner)
    return inner.seen(y), cache


def torch_forward_child(name: str, layer: Layer, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
    """Do the same with PyTorch."""
    inner = ctx.child(name)
    return inner.seen(layer.torch_forward(F, x, below(params, name), inner))


@register
@dataclass(frozen=True)
class Sequential(Container):
    """Apply layers one after the other: `y = fₙ(… f₂(f₁(x)))`, `dx = f₁'(… fₙ'(dy))`; empty, it is the identity.

    Raises:
        DeepenError: two layers have the same name.
        ShapeError: a layer cannot take the shape that reaches it; the error names the layer.
    """

    layers: tuple[Layer, ...] | list[Layer] = ()

    kind: ClassVar[str] = "block"

    def __post_init__(self) -> None:
        _layers(self, "layers")
        _ = self._named

    @cached_property
    def _named(self) -> tuple[tuple[str, Layer], ...]:
        return tuple(zip(names_of(self.layers), self.layers, strict=True))

    def inside(self) -> Iterable[tuple[str, Layer]]:
        return self._named

    def children(self, input_shape: Shape) -> tuple[Child, ...]:
        children = []
        for name, layer in self._named:
            child = Child(name, layer, input_shape)
            children.append(child)
            input_shape = child.output_shape
        return tuple(children)

    def output_shape(self, input_shape: Shape) -> Shape:
        children = self.children(input_shape)
        return children[-1].output_shape if children else input_shape

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and the caches of the layers."""
        caches = []
        for name, layer in self._named:
            x, cache = forward_child(name, layer, x, params, ctx)
            caches.append(cache)
        return x, caches

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of the layers, by the chain rule from the last to the first."""
        gradients = {}
        for (name, layer), kept in zip(reversed(self._named), reversed(cache), strict=True):
            dy, found = layer.backward(dy, below(params, name), kept)
            if found:
                gradients[name] = found
        return dy, gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        for name, layer in self._named:
            x = torch_forward_child(name, layer, F, x, params, ctx)
        return x


def _as_sequential(layer: Layer) -> Sequential:
    return layer if isinstance(layer, Sequential) else Sequential((layer,))


@register
@dataclass(frozen=True)
class Residual(Container):
    """Add what goes around the body to what comes through it: `y = body(x) + shortcut(x)`.

    Backward: the sum copies its gradient to both, and the fork adds them, `dx = body'(dy) + shortcut'(dy)`.
    Without a shortcut the input itself is added. The layers of the body stand directly under the residual's
    own path (`block1.conv1`), beside `block1.shortcut`. The activation that follows is a layer of its own.

    Raises:
        ShapeError: body and shortcut end in different shapes.

    Source: He et al., "Deep residual learning for image recognition", 2015, section 3.2.
    """

    body: Layer
    shortcut: Layer | None = None

    kind: ClassVar[str] = "residual"

    def __post_init__(self) -> None:
        for part in (self.body, *(() if self.shortcut is None else (self.shortcut,))):
            if not isinstance(part, Layer):
                raise DeepenError(f"Residual: body and shortcut must be layers, got {part!r:.80}")
        names_of(_as_sequential(self.body).layers, taken=("shortcut",))

    @cached_property
    def _parts(self) -> tuple[Sequential, Layer]:
        return _as_sequential(self.body), Sequential() if self.shortcut is None else self.shortcut

    def inside(self) -> Iterable[tuple[str, Layer]]:
        body, shortcut = self._parts
        return (*body.inside(), ("shortcut", shortcut))

    def children(self, input_shape: Shape) -> tuple[Child, ...]:
        body, shortcut = self._parts
        return (*body.children(input_shape), Child("shortcut", shortcut, input_shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        body, shortcut = self._parts
        through = body.output_shape(input_shape)
        around = Child("shortcut", shortcut, input_shape).output_shape
        if through != around:
            raise self.misfit(
                f"cannot add {around}, which its shortcut gives, to {through}, which its body gives; give it a "
                "shortcut that changes the shape alike, such as a 1×1 Conv2D with the body's filters and stride"
            )
        return through

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and the caches of body and shortcut."""
        body, shortcut = self._parts
        through, body_cache = body.forward(x, params, ctx)
        around, shortcut_cache = forward_child("shortcut", shortcut, x, params, ctx)
        return through + around, (body_cache, shortcut_cache)

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx and the gradients of body and shortcut."""
        body, shortcut = self._parts
        through, gradients = body.backward(dy, params, cache[0])
        around, found = shortcut.backward(dy, below(params, "shortcut"), cache[1])
        if found:
            gradients["shortcut"] = found
        return through + around, gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        body, shortcut = self._parts
        through = body.torch_forward(F, x, params, ctx)
        return through + torch_forward_child("shortcut", shortcut, F, x, params, ctx)


@register
@dataclass(frozen=True)
class Parallel(Container):
    """Send the input through several branches and merge what they give.

    merge="concat": along the channels, `y = [b₁(x), b₂(x), …]`; each branch receives its own part of dy.
    merge="add": `y = b₁(x) + b₂(x) + …`; each branch receives dy. The fork adds: `dx = Σ bᵢ'(dyᵢ)`.
    Branches without a name are `branch1`, `branch2`, ….

    Raises:
        DeepenError: there is no branch, two have one name, or `merge` is neither.
        ShapeError: the branches' outputs do not fit together.

    Source: Szegedy et al., "Going deeper with convolutions", 2014, section 4.
    """

    branches: tuple[Layer, ...] | list[Layer]
    merge: Literal["concat", "add"] = "concat"

    kind: ClassVar[str] = "parallel"

    def __post_init__(self) -> None:
        _layers(self, "branches")
        if not self.branches:
            raise DeepenError("Parallel: give it at least one branch")
        if self.merge not in ("concat", "add"):
            raise DeepenError(f'Parallel: merge must be "concat" or "add", got {self.merge!r}')
        _ = self._named

    @cached_property
    def _named(self) -> tuple[tuple[str, Layer], ...]:
        named = [
            branch if branch.name else replace(branch, name=f"branch{i}")
            for i, branch in enumerate(self.branches, 1)
        ]
        return tuple(zip(names_of(named), self.branches, strict=True))

    def inside(self) -> Iterable[tuple[str, Layer]]:
        return self._named

    def children(self, input_shape: Shape) -> tuple[Child, ...]:
        return tuple(Child(name, layer, input_shape) for name, layer in self._named)

    def output_shape(self, input_shape: Shape) -> Shape:
        shapes = [child.output_shape for child in self.children(input_shape)]
        skip = 1 if self.merge == "concat" else 0
        if any(shape[skip:] != shapes[0][skip:] for shape in shapes):
            what = "height and width" if self.merge == "concat" else "shape"
            raise self.misfit(f"cannot merge branches that give {shapes}; make their {what} the same")
        channels = sum(shape[0] for shape in shapes) if self.merge == "concat" else shapes[0][0]
        return (channels, *shapes[0][1:])

    def forward(self, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
        """Return y, and the branches' caches with the channels that each gave."""
        runs = [forward_child(name, layer, x, params, ctx) for name, layer in self._named]
        outputs, caches = [y for y, _ in runs], [cache for _, cache in runs]
        if self.merge == "add":
            return sum(outputs[1:], start=outputs[0]), (caches, None)
        return np.concatenate(outputs, axis=1), (caches, [y.shape[1] for y in outputs])

    def backward(self, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Any]]:
        """Return dx, the sum over the branches, and the branches' gradients."""
        caches, channels = cache
        gradients: dict[str, Any] = {}
        sums = []
        for (name, layer), kept, part in zip(self._named, caches, self._split(dy, channels), strict=True):
            dx, found = layer.backward(part, below(params, name), kept)
            sums.append(dx)
            if found:
                gradients[name] = found
        return sum(sums[1:], start=sums[0]), gradients

    def torch_forward(self, F: Any, x: Any, params: Tree, ctx: Context) -> Any:
        """Compute y with PyTorch."""
        outputs = [torch_forward_child(name, layer, F, x, params, ctx) for name, layer in self._named]
        if self.merge == "add":
            return sum(outputs[1:], start=outputs[0])
        return F.torch.cat(outputs, dim=1)  # the functional module has no concatenation of its own

    def _split(self, dy: Array, channels: list[int] | None) -> Iterator[Array]:
        if channels is None:
            yield from (dy for _ in self._named)
            return
        start = 0
        for count in channels:
            yield dy[:, start : start + count]
            start += count


def split_softmax(network: Layer) -> tuple[Layer, bool]:
    """Return the network without a softmax at its end, and whether there was one.

    Losses work on logits, so training leaves the last softmax to the cross-entropy.
    """
    if isinstance(network, Sequential) and network.layers:
        *first, last = network.layers
        if isinstance(last, Softmax):
            return replace(network, layers=tuple(first)), True
        stripped, found = split_softmax(last)
        return (replace(network, layers=(*first, stripped)), True) if found else (network, False)
    if getattr(network, "activation", None) == "softmax":
        return replace(network, activation=None), True  # type: ignore[call-arg]
    return network, False
