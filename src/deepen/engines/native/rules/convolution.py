"""Convolution: which windows it has, and by which algorithm each of its passes is computed."""

from __future__ import annotations

from deepen.engines.native.graph import Algorithm, Pooled, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.engines.native.rules.grouped import grouped_convolution
from deepen.engines.native.rules.kernel import finished
from deepen.engines.native.rules.windows import reach, window_type
from deepen.layers.conv import Conv2D
from deepen.layers.windows import Windows

WINOGRAD_CHANNELS, WINOGRAD_SIDE = 8, 4
"""From so many channels and pixels a side on Winograd's transforms cost less than the products that they save."""
FUSED, SPARSE = Algorithm("Fused"), Algorithm("Sparse", 0.25)


@rule(Conv2D)
def convolution(lowering: Lowering, layer: Conv2D, path: str, x: Value) -> Value:
    """The kernel with its bias; a ReLU and a pooling behind it are joined to it later."""
    if layer.groups > 1:
        return grouped_convolution(lowering, layer, path, x)
    _, height, width = x.maps
    windows = Windows.over(layer, height, width)
    shape = layer.output_shape(x.shape)
    forth, back, summed = algorithms = _algorithms(windows, x.shape, shape)
    shared = f"{{x}}, {{y}}, {window_type(windows)}, {str(layer.use_bias).lower()}, {{relu}}"
    pooled = None
    if windows.stride == windows.dilation == (1, 1):
        # Behind a pooling one gradient in four is not zero, and the ways back follow these alone.
        those = (forth if forth.template == "Winograd" else FUSED, SPARSE, SPARSE)
        kernel = f"PooledConvolution<{shared}, {those[0].template}, {those[1].template}>"
        pooled = Pooled(kernel, "pooled_convolution.hpp", those)
    y = lowering.add(
        path,
        f"Convolution<{shared}, {forth.template}, {back.template}, {summed.template}>",
        "convolution.hpp",
        x,
        shape,
        parameters=("kernel", "bias") if layer.use_bias else ("kernel",),
        border=reach(windows, height, width),
        algorithms=algorithms,
        pooled=pooled,
    )
    return finished(lowering, layer, path, y)


def _algorithms(windows: Windows, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Algorithm, ...]:
    """Return how a convolution is computed: forth, back to x, and back to the kernel."""
    channels, filters = inputs[0], outputs[0]
    forth = back = Algorithm("Direct")
    summed = Algorithm("WeightGradient")
    plain = windows.size == (3, 3) and windows.stride == windows.dilation == (1, 1)
    if plain and min(*inputs[1:], *outputs[1:]) >= WINOGRAD_SIDE:
        if channels >= WINOGRAD_CHANNELS:
            forth = Algorithm("Winograd", _products(*outputs[1:]))
        if filters >= WINOGRAD_CHANNELS:
            back = Algorithm("Winograd", _products(*inputs[1:]))
        if min(channels, filters) >= WINOGRAD_CHANNELS:
            summed = Algorithm("WinogradGradient", _products(*outputs[1:]))
    return forth, back, summed


def _products(height: int, width: int) -> float:
    """Return how many products Winograd's F(4×4, 3×3) takes for each one of the direct way: 36 for 144 at best."""
    tiles = -(-height // 4) * -(-width // 4)
    return 36 * tiles / (9 * height * width)
