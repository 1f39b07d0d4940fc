"""What follows the product with a kernel: the activation, and a penalty on what comes out."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering
from deepen.layers.activity import ActivityRegularization
from deepen.layers.kernel import KernelLayer


def finished(lowering: Lowering, layer: KernelLayer, path: str, y: Value) -> Value:
    """Add the layer's activation and the penalty on its activity, as operations of their own."""
    if getattr(layer, "activation", None) is not None:
        y = lowering.layer(layer.function, path, y)
    if layer.activity_regularizer is not None:
        y = lowering.layer(ActivityRegularization(layer.activity_regularizer), path, y)
    return y
