"""From the description of a network to what its diagram shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby
from typing import Any, cast

from deepen.inspect.diagram.parts import Flow, Fork, Frame, Head, Part, Role, Shortcut, Step, shape_text
from deepen.layers import Conv2D, Flatten, Parallel, PartialConv2D, Residual, SideOutput
from deepen.layers.checks import Pair
from deepen.layers.global_pooling import GlobalPooling2D
from deepen.layers.pooling import Pooling2D
from deepen.paths import Shape, join
from deepen.spec import Child, Layer, Reach
from deepen.wording import counted


def flow_of(network: Layer, input_shape: Shape) -> Flow:
    """Return the parts of a network in the order of computation, its input first.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
    """
    network.output_shape(input_shape)
    given = Step("input", shape=input_shape, role="input", hint=f"input: {shape_text(input_shape)}")
    return _noted([given, *_parts(Child("", network, input_shape), "", "")])


def _parts(child: Child, path: str, name: str) -> Iterator[Part]:
    """Yield what stands for the layer at `path`; `name` is the part of the path that is to be read."""
    inside = child.layer.children(child.input_shape)
    match child.layer:
        case Parallel(merge=merge):
            branches = tuple(_branch(branch, path) for branch in inside)
            shape = child.output_shape
            joined = Step("", "concat", shape=shape, role="joined", hint=f"{path}: {shape_text(shape)}")
            yield Frame(name, (Fork(branches, joined if merge == "concat" else None),))
        case Residual():
            *body, shortcut = inside
            around = _noted(_parts(shortcut, join(path, "shortcut"), ""))
            yield Frame(name, (Shortcut(_noted(_chain(body, path, "")), around),))
        case SideOutput(weight=weight):
            (head,) = inside
            title = f"{name}: in training only, weight {weight:g}"
            yield Head(title, _noted(_parts(head, join(path, "head"), "")))
        case layer if layer.container:
            yield from _chain(inside, path, name)
        case _:
            yield _step(child, path, name)


def _branch(branch: Child, path: str) -> Flow:
    """Return a branch; its place among the others says as much as a name like `branch2` would."""
    nameless = branch.layer.container and branch.layer.name is None
    return _noted(_parts(branch, join(path, branch.name), "" if nameless else branch.name))


def _chain(children: Sequence[Child], path: str, name: str) -> Iterator[Part]:
    """Yield the layers one after the other; equal containers in a row become one frame."""
    for _, equal in groupby(_units(children), _look):
        *others, unit = equal
        if others:
            title = f"{join(name, others[0][0].name)} … {unit[0].name}"
            match _unit(unit, path, ""):
                case [Frame(_, inside, 1)]:
                    yield Frame(title, inside, len(others) + 1)
                case parts:
                    yield Frame(title, _noted(parts), len(others) + 1)
        else:
            yield from _unit(unit, path, join(name, unit[0].name))


def _units(children: Sequence[Child]) -> list[list[Child]]:
    """Divide a chain before each layer that is not pointwise."""
    units: list[list[Child]] = []
    for child in children:
        if units and _is_pointwise(child):
            units[-1].append(child)
        else:
            units.append([child])
    return units


def _look(unit: list[Child]) -> Any:
    """Return what equal units share: the size of the maps, and the layers but for their names.

    A layer that is no container is equal to itself alone. The number of channels may grow, as in DenseNet.
    """
    first = unit[0]
    if not first.layer.container:
        return first.name
    return first.input_shape[1:], [_nameless(child.layer) for child in unit]


def _nameless(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_nameless, value))
    if isinstance(value, Layer):
        return type(value), [
            _nameless(getattr(value, field.name)) for field in fields(value) if field.name != "name"
        ]
    return value


def _unit(unit: list[Child], path: str, name: str) -> list[Part]:
    """Return a layer and the pointwise layers behind it, which go into its frame where it has one."""
    first, *others = unit
    parts = list(_parts(first, join(path, first.name), name))
    notes = [_step(child, join(path, child.name), child.name) for child in others]
    match parts:
        case [Frame(_, inside, 1) as frame]:
            return [replace(frame, inside=_noted([*inside, *notes]))]
    return [*parts, *notes]


def _noted(parts: Iterable[Part]) -> Flow:
    """Return parts with pointwise layers as notes of the step before them, where there is one."""
    flow: list[Part] = []
    for part in parts:
        before = flow[-1] if flow else None
        if isinstance(part, Step) and part.shape is None and isinstance(before, Step):
            flow[-1] = replace(before, notes=before.notes + part.notes, hint=f"{before.hint}\n{part.hint}")
        else:
            flow.append(part)
    return tuple(flow)


def _step(child: Child, path: str, name: str) -> Step:
    layer, shape = child.layer, child.output_shape
    parameters = sum(param.size for param in layer.params(child.input_shape).values())
    count = f", {counted(parameters, 'parameter')}" if parameters else ""
    hint = f"{path}: {type(layer).__name__}, {shape_text(shape)}{count}"
    if _is_pointwise(child):
        return Step("", notes=(child.name or _words(layer),), hint=hint)
    activation = getattr(layer, "activation", None)
    notes = (activation,) if isinstance(activation, str) else ()
    return Step(name, _what(layer), notes, shape, _role(child), hint)


def _is_pointwise(child: Child) -> bool:
    """Return whether a layer has no kernel and leaves each number in its place, or only lays them out as a row."""
    layer, shape = child.layer, child.input_shape
    if layer.container or isinstance(layer, Flatten):
        return not layer.container
    return child.output_shape == shape and layer.reach(shape) == Reach() and not _has_kernel(child)


def _has_kernel(child: Child) -> bool:
    return any(len(param.shape) > 1 for param in child.layer.params(child.input_shape).values())


def _role(child: Child) -> Role:
    if _has_kernel(child):
        return "convolution" if len(child.output_shape) == 3 else "fully connected"
    return "pooling" if isinstance(child.layer, Pooling2D | GlobalPooling2D) else "other"


def _what(layer: Layer) -> str:
    """Return kind, window and stride, as in `conv 3×3 /2`."""
    words = [_words(layer)]
    if isinstance(layer, Conv2D | PartialConv2D | Pooling2D):
        words.append(shape_text(layer.window))
        words += [f"/{_pair(layer.stride)}"] if layer.stride != (1, 1) else []
    if isinstance(layer, Conv2D):
        words += [f"dilated\N{NO-BREAK SPACE}{_pair(layer.dilation)}"] if layer.dilation != (1, 1) else []
        words += [f"{layer.groups}\N{NO-BREAK SPACE}groups"] if layer.groups > 1 else []
    return " ".join(words)


def _pair(numbers: object) -> str:
    height, width = cast(Pair, numbers)
    return str(height) if height == width else f"{height}×{width}"


def _words(layer: Layer) -> str:
    """Return the class as words: `MaxPooling2D` is "max pooling"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(layer).__name__.removesuffix("2D")).lower()
