"""Layers that rearrange numbers without changing them."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.reshape import ChannelPadding, Flatten, ZeroPadding2D

FLATTEN = "Flatten<{x}, {y}>"


@rule(Flatten)
def flatten(lowering: Lowering, layer: Flatten, path: str, x: Value) -> Value:
    """A copy in another order; features stay as they are."""
    if len(x.shape) == 1:
        return x
    return lowering.add(path, FLATTEN, "reshape.hpp", x, layer.output_shape(x.shape), reads="")


@rule(ZeroPadding2D)
def zero_padding(lowering: Lowering, layer: ZeroPadding2D, path: str, x: Value) -> Value:
    """The maps in the middle of larger ones."""
    (top, _), (left, _) = layer.sides
    return _padding(lowering, path, x, layer.output_shape(x.shape), top, left)


@rule(ChannelPadding)
def channel_padding(lowering: Lowering, layer: ChannelPadding, path: str, x: Value) -> Value:
    """The maps, and maps of zeros behind them."""
    return _padding(lowering, path, x, layer.output_shape(x.shape), 0, 0)


def _padding(lowering: Lowering, path: str, x: Value, shape: tuple[int, ...], top: int, left: int) -> Value:
    if shape == x.shape:
        return x
    return lowering.add(path, f"Padding<{{x}}, {{y}}, {top}, {left}>", "reshape.hpp", x, shape, reads="")
