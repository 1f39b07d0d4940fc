"""Pooling over windows, and over whole maps, which are one window then."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.engines.native.rules.windows import window_type
from deepen.layers.global_pooling import GlobalAveragePooling2D, GlobalMaxPooling2D, GlobalPooling2D
from deepen.layers.pooling import AveragePooling2D, MaxPooling2D, MinPooling2D, Pooling2D, SumPooling2D
from deepen.layers.windows import Windows


@rule(MaxPooling2D, MinPooling2D, SumPooling2D, AveragePooling2D)
def pooling(lowering: Lowering, layer: Pooling2D, path: str, x: Value) -> Value:
    """The kernel is named like the layer."""
    _, height, width = x.maps
    windows = Windows.over(layer, height, width)
    return _add(lowering, type(layer).__name__.removesuffix("2D"), path, x, window_type(windows), layer)


@rule(GlobalAveragePooling2D, GlobalMaxPooling2D)
def global_pooling(lowering: Lowering, layer: GlobalPooling2D, path: str, x: Value) -> Value:
    """A window as large as the maps."""
    _, height, width = x.maps
    name = type(layer).__name__.removeprefix("Global").removesuffix("2D")
    return _add(lowering, name, path, x, f"Window<{height}, {width}>", layer)


def _add(
    lowering: Lowering, name: str, path: str, x: Value, window: str, layer: Pooling2D | GlobalPooling2D
) -> Value:
    shape = layer.output_shape(x.shape)
    kernel, winners = f"{name}<{{x}}, {{y}}, {window}>", name in ("MaxPooling", "MinPooling")
    return lowering.add(path, kernel, "pooling.hpp", x, shape, reads="", keeps=winners)
