"""What only LeNet-5 has: pooling that learns, and RBF outputs."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.lenet5 import RBF, TrainablePooling2D


@rule(TrainablePooling2D)
def trainable_pooling(lowering: Lowering, layer: TrainablePooling2D, path: str, x: Value) -> Value:
    """The pooling, what is learned, and the activation."""
    y = lowering.add(
        path,
        "ScaleMaps<{x}, {y}>",
        "lenet5.hpp",
        lowering.layer(layer.pool, path, x),
        layer.output_shape(x.shape),
        parameters=("coefficient", "bias"),
        reads="x",
    )
    return y if layer.activation is None else lowering.layer(layer.function, path, y)


@rule(RBF)
def rbf(lowering: Lowering, layer: RBF, path: str, x: Value) -> Value:
    """The distances from the codes, which get a gradient only where they are trainable."""
    return lowering.add(
        path,
        f"RBF<{{x}}, {{y}}, {str(layer.trainable).lower()}>",
        "lenet5.hpp",
        x,
        layer.output_shape(x.shape),
        parameters=("codes",),
        reads="x",
    )
