"""Convolutions whose filters see some of the channels only: by groups, or by a table."""

from __future__ import annotations

from deepen.engines.native.graph import Constant, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.engines.native.rules.kernel import finished
from deepen.engines.native.rules.windows import reach, window_type
from deepen.layers.conv import Conv2D
from deepen.layers.partial_conv import PartialConv2D
from deepen.layers.windows import Windows

FEW_GROUPS = 4
"""Up to so many groups the full convolution, with a kernel that is mostly zero, is the faster one."""


@rule(PartialConv2D)
def partial_convolution(lowering: Lowering, layer: PartialConv2D, path: str, x: Value) -> Value:
    """The full convolution, with the kernels of the pairs in their places."""
    channels, _, _ = x.maps
    places = tuple(f * channels + m for f, seen in enumerate(layer.connections) for m in seen)
    kernel = "PartialConvolution<{x}, {y}, {window}, ByTable<{constants}>, {bias}, {relu}>"
    return _convolution(lowering, layer, path, x, kernel, {"places": places})


def grouped_convolution(lowering: Lowering, layer: Conv2D, path: str, x: Value) -> Value:
    """Add the operations of a convolution in several groups, and return its output."""
    channels, groups = x.maps[0], layer.groups
    if groups < channels and groups <= FEW_GROUPS:
        pairs = f"ByGroups<{channels}, {layer.filters}, {groups}>"
        kernel = f"PartialConvolution<{{x}}, {{y}}, {{window}}, {pairs}, {{bias}}, {{relu}}>"
    else:
        kernel = f"GroupedConvolution<{{x}}, {{y}}, {{window}}, {groups}, {{bias}}, {{relu}}>"
    return _convolution(lowering, layer, path, x, kernel, {})


def _convolution(
    lowering: Lowering,
    layer: Conv2D | PartialConv2D,
    path: str,
    x: Value,
    kernel: str,
    constants: dict[str, Constant],
) -> Value:
    _, height, width = x.maps
    windows = Windows.over(layer, height, width)
    y = lowering.add(
        path,
        kernel.replace("{window}", window_type(windows)).replace("{bias}", str(layer.use_bias).lower()),
        "grouped.hpp",
        x,
        layer.output_shape(x.shape),
        parameters=("kernel", "bias") if layer.use_bias else ("kernel",),
        border=reach(windows, height, width),
        constants=constants,
    )
    return finished(lowering, layer, path, y)
