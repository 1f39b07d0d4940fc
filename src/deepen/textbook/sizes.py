"""Sizes before anything runs: outputs, parameters, and how much of the input an output sees."""

from __future__ import annotations

from collections.abc import Iterable

from deepen.errors import ShapeError, UsageError


def output_size(size: int, window: int, stride: int = 1, pad: int = 0) -> int:
    """Return how many windows fit along one axis: `O = ⌊(H + 2P − FH) / S⌋ + 1`; a rest is left over.

    Raises:
        ShapeError: not even one window fits.
        UsageError: window or stride is below 1, or pad below 0.

    Source: Saito, "Deep Learning from Scratch", section 7.2.4; CS231n, "Convolutional networks"; d2l, section 7.3.
    """
    for name, value, least in (("window", window, 1), ("stride", stride, 1), ("pad", pad, 0)):
        if value < least:
            raise UsageError(f"{name} must be {least} or more, got {value}")
    if size + 2 * pad < window:
        raise ShapeError("a window", f"of {window} does not fit into {size} pixels padded by {pad}; pad more")
    return (size + 2 * pad - window) // stride + 1


def convolution_parameters(channels: int, filters: int, height: int, width: int, bias: bool = True) -> int:
    """Return `filters · (channels · height · width + 1)`: every place of a map shares one kernel and one bias.

    Source: CS231n, "Convolutional networks", parameter sharing.
    """
    return filters * (channels * height * width + bias)


def dense_parameters(inputs: int, units: int, bias: bool = True) -> int:
    """Return `units · (inputs + 1)`: every unit has a weight for each input, and a bias."""
    return units * (inputs + bias)


def receptive_field(windows: Iterable[tuple[int, int]]) -> int:
    """Return how many inputs one output sees through a stack of `(window, stride)`: `1 + Σₗ (Fₗ − 1) · Πₘ﹤ₗ Sₘ`.

    Two 3×3 kernels see 5×5 pixels with 2 · 9 = 18 weights, where one 5×5 kernel has 25.

    Source: Saito, "Deep Learning from Scratch", section 8.1.3; Simonyan and Zisserman, "Very deep convolutional
    networks", 2015, section 2.3.
    """
    seen, apart = 1, 1
    for window, stride in windows:
        seen += (window - 1) * apart
        apart *= stride
    return seen
