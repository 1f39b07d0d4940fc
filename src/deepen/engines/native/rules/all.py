"""Importing this registers the rules of all layers."""

from deepen.engines.native.rules import (
    activation,
    activity,
    combine,
    convolution,
    dense,
    dropout,
    grouped,
    lenet5,
    local_response,
    normalization,
    pooling,
    reshape,
    resize,
)

__all__ = [
    "activation",
    "activity",
    "combine",
    "convolution",
    "dense",
    "dropout",
    "grouped",
    "lenet5",
    "local_response",
    "normalization",
    "pooling",
    "reshape",
    "resize",
]
