"""How Keras lays weights out: channels and outputs last, flattened maps pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.errors import DataError
from deepen.layers import BatchNormalization, Conv2D, Dense, Flatten, GroupNormalization
from deepen.paths import Shape, join
from deepen.spec import Layer

_KINDS: dict[type[Layer], str] = {
    Conv2D: "conv2d",
    Dense: "dense",
    BatchNormalization: "batch_normalization",
    GroupNormalization: "group_normalization",
}
# Convolution (F, C, KH, KW) → (KH, KW, C, F), dense (units, inputs) → (inputs, units).
_AXES = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}


@dataclass(frozen=True, eq=False)
class KerasTensor:
    """An array of a network: its path and shape here, and how Keras has it."""

    path: str
    own_shape: Shape
    shape: Shape
    """Keras' shape: that of the transposed array, or for depthwise kernels another way to divide its last axes."""
    order: Array | None = None
    """Feature i of the last axis here is Keras' feature `order[i]`; None where they stand alike."""

    def to_keras(self, array: Array) -> Array:
        """Return the array as Keras has it."""
        if self.order is not None:
            array = array[..., np.argsort(self.order)]
        return np.ascontiguousarray(array.transpose(_AXES[array.ndim])).reshape(self.shape)

    def from_keras(self, array: Array) -> Array:
        """Undo `to_keras`."""
        axes = _AXES[len(self.own_shape)]
        array = array.reshape([self.own_shape[axis] for axis in axes]).transpose(np.argsort(axes))
        return np.ascontiguousarray(array if self.order is None else array[..., self.order])


def tensors(
    path: str, layer: Layer, input_shape: Shape, order: Array | None, depthwise: bool
) -> tuple[str, tuple[KerasTensor, ...]]:
    """Return Keras' word for a layer, as in `conv2d`, and its arrays in Keras' order; none where it has none.

    Args:
        path: the layer's path.
        layer: the leaf.
        input_shape: what reaches it.
        order: the order of the flattened maps that reach it, as in `KerasTensor`.
        depthwise: whether a convolution with a group for each channel is Keras' DepthwiseConv2D.

    Raises:
        DataError: Keras has no layer with such arrays.
    """
    arrays = {**layer.params(input_shape), **layer.statistics(input_shape)}
    if not arrays:
        return "", ()
    kind = _KINDS.get(type(layer))
    # Groups of neighbouring features are other groups where features stand in another order.
    if kind is None or (kind == "group_normalization" and order is not None):
        raise unknown(path, layer)
    by_channel = depthwise and isinstance(layer, Conv2D) and layer.groups == input_shape[0] > 1
    found = []
    for name, param in arrays.items():
        shape = tuple(param.shape[axis] for axis in _AXES[len(param.shape)])
        if by_channel and name == "kernel":
            shape = (*shape[:2], input_shape[0], shape[3] // input_shape[0])
        by_feature = isinstance(layer, BatchNormalization) or name == "kernel"
        found.append(KerasTensor(join(path, name), param.shape, shape, order if by_feature else None))
    return "depthwise_conv2d" if by_channel else kind, tuple(found)


def unknown(path: str, layer: Layer) -> DataError:
    """Return the error that says that Keras has no such layer."""
    return DataError(f"{path or 'the network'} ({type(layer).__name__}) has no counterpart in Keras")


def settings(layer: Layer) -> dict[str, Any]:
    """Return what the shapes of a layer's arrays do not tell, by Keras' names for it."""
    match layer:
        case Conv2D():
            return {"strides": layer.stride, "dilation_rate": layer.dilation}
        case BatchNormalization() | GroupNormalization():
            return {"epsilon": layer.epsilon}
    return {}


def order_behind(layer: Layer, input_shape: Shape, order: Array | None) -> Array | None:
    """Return the order of a leaf's output features, as in `KerasTensor`, given that of its input features."""
    if isinstance(layer, Flatten) and len(input_shape) == 3:
        return channels_last(input_shape)
    mixes = any(len(param.shape) > 1 for param in layer.params(input_shape).values())
    return None if mixes or layer.output_shape(input_shape) != input_shape else order


def channels_last(shape: Shape) -> Array:
    """Return the places, in the order (H, W, C), of the pixels of maps `(C, H, W)`."""
    channels, height, width = shape
    return np.arange(prod(shape)).reshape(height, width, channels).transpose(2, 0, 1).ravel()
