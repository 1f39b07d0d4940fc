"""The description of a Keras model that computes what a network computes, as `config.json` has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from deepen.errors import DataError
from deepen.exchange.keras_layers import ACTIVATIONS
from deepen.exchange.keras_layout import settings, unknown
from deepen.exchange.keras_model import snake_case
from deepen.layers import (
    ELU,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    LeakyReLU,
    MaxPooling2D,
    Normalize,
    ZeroPadding2D,
)
from deepen.layers.activation import Activation
from deepen.layers.pooling import Pooling2D
from deepen.layers.windows import Windows
from deepen.paths import Shape
from deepen.spec import Layer, Node, walk

Entry = tuple[str, dict[str, Any]]
"""The class of a Keras layer and its settings; those left out have Keras' defaults, or matter to training only."""

_INLINE: dict[type[Layer], str] = {
    type(layer): name
    for name, layers in ACTIVATIONS.items()
    for layer in layers
    if not isinstance(layer, (ELU, LeakyReLU))
}
"""Keras' words for the activations that have no settings."""

_KNOWN = {
    *_INLINE,
    ELU,
    LeakyReLU,
    Conv2D,
    Dense,
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    BatchNormalization,
    GroupNormalization,
    Normalize,
    Dropout,
    Flatten,
    ZeroPadding2D,
}


def config_of(network: Layer, input_shape: Shape) -> dict[str, Any]:
    """Return the description of a Sequential of Keras' with channels last, for a network without branches.

    Raises:
        DataError: Keras has no layer that computes the same as one of the network's.
    """
    first = _described("InputLayer", {"name": "input_layer", "batch_shape": [None, *_last(input_shape)]})
    layers, counts = [first], Counter[str]()
    for node in walk(network, input_shape):
        for name, fields in _entries(node):
            kind = snake_case(name)
            numbered = f"{kind}_{counts[kind]}" if counts[kind] else kind
            counts[kind] += 1
            layers.append(_described(name, {"name": numbered, **fields}))
    return _described("Sequential", {"name": "sequential", "layers": layers}, module="keras")


def _described(name: str, config: dict[str, Any], module: str = "keras.layers") -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _last(shape: Shape) -> Shape:
    return (*shape[1:], shape[0])


def _entries(node: Node) -> Iterator[Entry]:
    """Yield the layers of Keras that together compute what a leaf computes."""
    layer, name = node.layer, type(node.layer).__name__
    # A layer derived from one of these computes something else.
    if type(layer) not in _KNOWN:
        raise unknown(node.path, layer)
    match layer:
        case Conv2D():
            yield from _convolution(layer, node)
        case Dense():
            yield from _kernel_layer(name, layer, node, {"units": layer.units})
        case MaxPooling2D() | AveragePooling2D():
            padding = _padding(layer, node.input_shape)
            if padding is None:
                raise DataError(
                    f'{node.path} pads in a way that Keras\' {name} does not have; give it padding="same" or 0'
                )
            yield name, {"pool_size": layer.pool_size, "strides": layer.stride, "padding": padding}
        case Flatten() | GlobalAveragePooling2D() | GlobalMaxPooling2D():
            yield name, {}
        case ZeroPadding2D():
            yield name, {"padding": layer.sides}
        case Dropout():
            yield name, {"rate": layer.rate}
        case BatchNormalization():
            yield name, {"momentum": layer.momentum, "epsilon": layer.epsilon}
        case GroupNormalization():
            yield name, {"groups": layer.groups, "epsilon": layer.epsilon}
        case Normalize():
            mean, std = np.array(layer.mean), np.array(layer.std)
            yield "Rescaling", {"scale": (1 / std).tolist(), "offset": (-mean / std).tolist()}
        case Activation():
            yield _activation(layer, node)


def _convolution(layer: Conv2D, node: Node) -> Iterator[Entry]:
    if layer.stride != (1, 1) and layer.dilation != (1, 1):
        raise DataError(f"{node.path or 'the network'} has a stride and a dilation; Keras has one at a time")
    padding = _padding(layer, node.input_shape)
    if padding is None:
        windows = Windows.over(layer, *node.input_shape[1:])
        yield "ZeroPadding2D", {"padding": tuple(zip(windows.before, windows.after, strict=True))}
    fields = {"kernel_size": layer.kernel_size, "padding": padding or "valid", **settings(layer)}
    channels = node.input_shape[0]
    if layer.groups == channels > 1:
        fields |= {"depth_multiplier": layer.filters // channels}
        yield from _kernel_layer("DepthwiseConv2D", layer, node, fields)
    else:
        fields |= {"filters": layer.filters, "groups": layer.groups}
        yield from _kernel_layer("Conv2D", layer, node, fields)


def _kernel_layer(name: str, layer: Conv2D | Dense, node: Node, fields: dict[str, Any]) -> Iterator[Entry]:
    """Yield the layer with its activation, or the activation as a layer of its own where it has settings."""
    inline = _INLINE.get(type(layer.function))
    yield name, {**fields, "use_bias": layer.use_bias, "activation": inline}
    if inline is None and layer.activation is not None:
        yield _activation(layer.function, node)


def _activation(layer: Activation, node: Node) -> Entry:
    match layer:
        case LeakyReLU():
            return "LeakyReLU", {"negative_slope": layer.slope}
        case ELU():
            return "ELU", {"alpha": layer.alpha}
    if type(layer) not in _INLINE:
        raise unknown(node.path, layer)
    return "Activation", {"activation": _INLINE[type(layer)]}


def _padding(layer: Conv2D | Pooling2D, input_shape: Shape) -> str | None:
    """Return the word by which Keras' windows lie where the layer's do, if there is one."""
    own = Windows.over(layer, *input_shape[1:])
    for word in ("valid", "same") if own.before == own.after == (0, 0) else ("same",):
        there = replace(layer, padding=word)
        if isinstance(there, Pooling2D):
            there = replace(there, ceil_mode=False)
        windows = Windows.over(there, *input_shape[1:])
        if (windows.before, windows.count) == (own.before, own.count):
            return word
    return None
