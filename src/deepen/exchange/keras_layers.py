"""Keras' layers as the layers here that compute the same, read from their settings in `config.json`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from deepen.errors import FileFormatError
from deepen.layers import (
    ELU,
    GELU,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    LeakyReLU,
    MaxPooling2D,
    Normalize,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    ZeroPadding2D,
)
from deepen.layers.activation import Activation
from deepen.paths import Shape
from deepen.spec import Layer

ACTIVATIONS: dict[str, tuple[Activation, ...]] = {
    "linear": (),
    "relu": (ReLU(),),
    "leaky_relu": (LeakyReLU(0.2),),
    "elu": (ELU(),),
    "gelu": (GELU(),),
    "sigmoid": (Sigmoid(),),
    "tanh": (Tanh(),),
    "softmax": (Softmax(),),
}
_POOLINGS = {"MaxPooling2D": MaxPooling2D, "AveragePooling2D": AveragePooling2D}
_GLOBAL = {"GlobalAveragePooling2D": GlobalAveragePooling2D, "GlobalMaxPooling2D": GlobalMaxPooling2D}
_FOR_TRAINING_ONLY = ("ActivityRegularization", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D")
_LAST = (None, -1, 3, [-1], [3])
"""How the axis of the channels is written where they are last."""


def layers_of(name: str, config: dict[str, Any], shapes: Sequence[Shape]) -> tuple[Layer, ...]:
    """Return what a layer of Keras' computes with one input: none, one, or one and its activation.

    Args:
        name: of its class.
        config: its settings.
        shapes: of its arrays.

    Raises:
        FileFormatError: it has no counterpart here.
        DeepenError: its settings have none.
    """
    check_channels_last(config)
    match name:
        case "Conv2D" | "DepthwiseConv2D":
            filters = config["filters"] if name == "Conv2D" else prod(shapes[0][2:])
            groups = config.get("groups", 1) if name == "Conv2D" else shapes[0][2]
            window, strides, dilation = map(_pair, map(config.get, ("kernel_size", "strides", "dilation_rate")))
            layer = Conv2D(filters, window, strides or 1, config["padding"], groups=groups, dilation=dilation or 1)
            return layer, *_activation(config)
        case "Dense":
            return Dense(config["units"]), *_activation(config)
        case "BatchNormalization":
            return (BatchNormalization(),)
        case "GroupNormalization" if config["groups"] > 0:
            return (GroupNormalization(config["groups"]),)
        case "MaxPooling2D" | "AveragePooling2D":
            return (_POOLINGS[name](_pair(config["pool_size"]), _pair(config["strides"]), config["padding"]),)
        case "GlobalAveragePooling2D" | "GlobalMaxPooling2D" if not config.get("keepdims"):
            return (_GLOBAL[name](),)
        case "Flatten":
            return (Flatten(),)
        case "ZeroPadding2D":
            return (ZeroPadding2D(_pair(config["padding"])),)
        case "Rescaling":
            scale, offset = np.broadcast_arrays(config["scale"], config.get("offset", 0.0))
            return (Normalize(_numbers(-offset / scale), _numbers(1 / scale)),)
        case "Activation":
            return _activation(config)
        case "ReLU" if config.get("max_value") is None and not config.get("threshold"):
            slope = config.get("negative_slope")
            return (LeakyReLU(slope) if slope else ReLU(),)
        case "LeakyReLU":
            return (LeakyReLU(config["negative_slope"]),)
        case "ELU":
            return (ELU(config.get("alpha", 1.0)),)
        case "Softmax":
            return (Softmax(),)
    if name in _FOR_TRAINING_ONLY:
        return ()
    raise FileFormatError("no layer here computes the same")


def check_channels_last(config: dict[str, Any]) -> None:
    """Make sure that a layer, or a merge, has the channels last.

    Raises:
        FileFormatError: it does not.
    """
    if config.get("data_format") == "channels_first" or config.get("axis") not in _LAST:
        raise FileFormatError(
            'its channels are not last; make the model anew with data_format="channels_last" and axis=-1'
        )


def _activation(config: dict[str, Any]) -> tuple[Activation, ...]:
    name = config.get("activation") or "linear"
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise FileFormatError(f"no activation here computes the same as {name!r:.60}")
    return ACTIVATIONS[name]


def _pair(value: Any) -> Any:
    """Return a list of lists, as JSON has it, as a tuple of tuples."""
    return tuple(map(_pair, value)) if isinstance(value, list) else value


def _numbers(values: Any) -> Any:
    return tuple(np.ravel(values).tolist())
