"""Dense layers."""

from __future__ import annotations

from deepen.engines.native.graph import Operation, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.engines.native.rules.kernel import finished
from deepen.engines.native.rules.reshape import FLATTEN
from deepen.layers.dense import Dense

FULL = 0.75
"""From which share of real channels on the pixels of maps are read as they lie, holes included."""


@rule(Dense)
def dense(lowering: Lowering, layer: Dense, path: str, x: Value) -> Value:
    """The products of the weights with features, or with the maps that were flattened to these."""
    y = lowering.add(
        path,
        f"Dense<{{x}}, {{y}}, {str(layer.use_bias).lower()}, {{relu}}>",
        "dense.hpp",
        _before_flattening(lowering, x),
        layer.output_shape(x.shape),
        parameters=("kernel", "bias") if layer.use_bias else ("kernel",),
    )
    return finished(lowering, layer, path, y)


def _before_flattening(lowering: Lowering, x: Value) -> Value:
    """Return the maps that features were made of, where little of their pixels is holes; else the features."""
    for item in lowering.operations:
        if item.y is x and isinstance(item, Operation) and item.kernel == FLATTEN:
            channels = item.x.maps[0]
            return item.x if channels / (-(-channels // 16) * 16) >= FULL else x
    return x
