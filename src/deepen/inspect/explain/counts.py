"""Parameters, multiply-adds, connections and memory of a layer, written out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

from deepen.inspect.arithmetic import FLOAT_BYTES
from deepen.inspect.explain.explanation import Line, Text
from deepen.inspect.explain.writing import formula, number, product, times, total
from deepen.layers import (
    RBF,
    BatchNormalization,
    Conv2D,
    Dense,
    GroupNormalization,
    PartialConv2D,
    TrainablePooling2D,
)
from deepen.paths import Shape
from deepen.spec import Layer, Node

PARAMETERS = Text("parameters", "参数")
FIXED = Text("fixed parameters", "固定参数")
STATISTICS = Text("running statistics", "滑动统计量")
MULTIPLY_ADDS = Text("multiply-adds", "乘加次数")
CONNECTIONS = Text("connections", "连接数")
MEMORY = Text("memory, in bytes", "内存（字节）")


def parameters(layer: Layer, input_shape: Shape) -> list[Line]:
    """Return what training learns, what stays fixed, and the running statistics, each as a sum of products."""
    found = layer.params(input_shape)
    write = _PARAMETERS.get(type(layer))
    lines = []
    for label, trainable in ((PARAMETERS, True), (FIXED, False)):
        arrays = [param for param in found.values() if param.trainable is trainable]
        if arrays:
            terms = write(layer, input_shape) if write else [product(param.shape) for param in arrays]
            lines.append(formula(label, total(terms), sum(param.size for param in arrays)))
    statistics = list(layer.statistics(input_shape).values())
    if statistics:
        written = total(product(param.shape) for param in statistics)
        lines.append(formula(STATISTICS, written, sum(param.size for param in statistics)))
    return lines


def multiply_adds(layer: Layer, input_shape: Shape) -> list[Line]:
    """Return the multiply-adds of a layer that has any: its kernels at each position of the output."""
    count = layer.multiply_adds(input_shape)
    if not count:
        return []
    if type(layer).multiply_adds is not Layer.multiply_adds:
        return [formula(MULTIPLY_ADDS, number(count), count)]
    kernels = [param.shape for param in layer.params(input_shape).values() if len(param.shape) > 1]
    write = _KERNELS.get(type(layer))
    terms = write(layer, input_shape) if write else list(map(product, kernels))
    return [formula(MULTIPLY_ADDS, times(terms, layer.output_shape(input_shape)[1:]), count)]


def connections(layer: Layer, input_shape: Shape) -> tuple[str, int] | None:
    """Return the connections of a layer of LeNet-5, written out and as a number; None for other kinds.

    Every number that is read for a value of the output is one, and so is the bias.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
    """
    shape = layer.output_shape(input_shape)
    if type(layer) is TrainablePooling2D:
        window = layer.window
        return f"({product(window)} + 1)·{product(shape)}", (prod(window) + 1) * prod(shape)
    if type(layer) in (Conv2D, PartialConv2D, Dense, RBF):
        count = sum(param.size for param in layer.params(input_shape).values()) * prod(shape[1:])
        return times(_PARAMETERS[type(layer)](layer, input_shape), shape[1:]), count
    return None


def counts_connections(places: Iterable[Node]) -> bool:
    """Return whether a network has layers that are LeNet-5's alone, and all that learn are of the kinds it has."""
    with_params = {type(place.layer) for place in places if place.layer.params(place.input_shape)}
    return not with_params.isdisjoint({TrainablePooling2D, RBF}) and with_params <= {
        *(Conv2D, PartialConv2D, TrainablePooling2D, Dense, RBF)
    }


def memory(output_shape: Shape) -> Line:
    """Return what a layer's output takes as float32, for one image."""
    return formula(MEMORY, product((*output_shape, FLOAT_BYTES)), prod(output_shape) * FLOAT_BYTES)


def _biased(layer: Any, inputs: str, units: int) -> str:
    return f"({inputs} + 1)·{number(units)}" if layer.use_bias else f"{inputs}·{number(units)}"


def _seen(layer: Conv2D, input_shape: Shape) -> str:
    """Write how many numbers a filter sees at once: height, width, and the channels of its group."""
    return product((*layer.window, input_shape[0] // layer.groups))


def _sizes(layer: PartialConv2D) -> list[tuple[int, int]]:
    """Return how many maps filters see, and how many filters see so many."""
    return sorted(Counter(map(len, layer.connections)).items())


def _gains(layer: Layer, shape: Shape) -> list[str]:
    return [f"(1 + 1)·{number(shape[0])}"]


_PARAMETERS: dict[type[Layer], Callable[[Any, Shape], list[str]]] = {
    Conv2D: lambda layer, shape: [_biased(layer, _seen(layer, shape), layer.filters)],
    PartialConv2D: lambda layer, shape: [
        _biased(layer, product((*layer.window, maps)), filters) for maps, filters in _sizes(layer)
    ],
    Dense: lambda layer, shape: [_biased(layer, number(shape[0]), layer.units)],
    RBF: lambda layer, shape: [product((*shape, layer.units))],
    TrainablePooling2D: _gains,
    BatchNormalization: _gains,
    GroupNormalization: _gains,
}
"""Inputs of a filter or unit, one more for its bias, times their number; others are written array by array."""

_KERNELS: dict[type[Layer], Callable[[Any, Shape], list[str]]] = {
    Conv2D: lambda layer, shape: [f"{_seen(layer, shape)}·{number(layer.filters)}"],
    PartialConv2D: lambda layer, shape: [product((*layer.window, *each)) for each in _sizes(layer)],
    Dense: lambda layer, shape: [product((*shape, layer.units))],
}
