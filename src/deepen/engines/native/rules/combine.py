"""Containers: their layers one after the other, added or side by side."""

from __future__ import annotations

from deepen.engines.native.graph import Concatenation, Sum, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.combine import Parallel, Residual, Sequential
from deepen.layers.side import SideOutput
from deepen.paths import join


@rule(Sequential)
def sequential(lowering: Lowering, layer: Sequential, path: str, x: Value) -> Value:
    """Each layer takes what the one before gives."""
    for child in layer.children(x.shape):
        x = lowering.layer(child.layer, join(path, child.name), x)
    return x


@rule(Residual)
def residual(lowering: Lowering, layer: Residual, path: str, x: Value) -> Value:
    """The body and the shortcut, and their sum."""
    *body, shortcut = layer.children(x.shape)
    through = x
    for child in body:
        through = lowering.layer(child.layer, join(path, child.name), through)
    around = lowering.layer(shortcut.layer, join(path, shortcut.name), x)
    return _sum(lowering, path, (through, around))


@rule(Parallel)
def parallel(lowering: Lowering, layer: Parallel, path: str, x: Value) -> Value:
    """The branches, and their sum or all of their channels."""
    outputs = tuple(lowering.layer(child.layer, join(path, child.name), x) for child in layer.children(x.shape))
    if layer.merge == "add" or len(outputs) == 1:
        return _sum(lowering, path, outputs)
    y = Value(layer.output_shape(x.shape))
    lowering.operations.append(Concatenation(path, outputs, y))
    return y


@rule(SideOutput)
def side_output(lowering: Lowering, layer: SideOutput, path: str, x: Value) -> Value:
    """The input itself; the head beside it, where it is trained or looked at."""
    (head,) = layer.children(x.shape)
    at = join(path, head.name)
    looked_at = any(watched == at or watched.startswith(f"{at}.") for watched in lowering.watched)
    if lowering.trains(path) or looked_at:
        z = lowering.layer(head.layer, at, x)
        if lowering.trains(path):
            lowering.sides.append((z, layer.weight))
    return x


def _sum(lowering: Lowering, path: str, values: tuple[Value, ...]) -> Value:
    if len(values) == 1:
        return values[0]
    y = Value(values[0].shape)
    lowering.operations.append(Sum(path, values, y))
    return y
