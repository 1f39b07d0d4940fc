"""Output sizes, written out."""

from __future__ import annotations

from typing import Any

from deepen.inspect.explain.explanation import Line, Text, same
from deepen.inspect.explain.kinds import is_known
from deepen.inspect.explain.writing import by_axis, equation, formula, number, product, total
from deepen.layers import ChannelPadding, Conv2D, Flatten, Parallel, PartialConv2D, ZeroPadding2D
from deepen.layers.pooling import Pooling2D
from deepen.layers.windows import Windows
from deepen.paths import Shape
from deepen.spec import Layer

SIZE = Text("output size", "输出尺寸")
CHANNELS = Text("channels", "通道数")


def output_size(layer: Layer, input_shape: Shape) -> list[Line]:
    """Return how a layer's output size follows from that of its input; nothing where none is computed."""
    if not is_known(layer):
        return []
    match layer:
        case Conv2D() | PartialConv2D() | Pooling2D():
            return by_axis(SIZE, lambda axis: _windows(layer, input_shape, axis))
        case ZeroPadding2D():
            return by_axis(SIZE, lambda axis: _padded(layer, input_shape, axis))
        case ChannelPadding():
            zeros = layer.channels - input_shape[0]
            return [formula(CHANNELS, f"{number(input_shape[0])} + {number(zeros)}", layer.channels)]
        case Flatten():
            return [formula(SIZE, product(input_shape), layer.output_shape(input_shape)[0])]
        case Parallel(merge="concat"):
            channels = [child.output_shape[0] for child in layer.children(input_shape)]
            return [formula(CHANNELS, total(map(number, channels)), layer.output_shape(input_shape)[0])]
    return []


def _windows(layer: Any, input_shape: Shape, axis: int) -> Text:
    """Write ⌊(H + 2p − (K − 1)·d − 1) / s⌋ + 1 for height or width, as the padding and the rounding have it."""
    length = input_shape[1 + axis]
    windows = Windows.over(layer, *input_shape[1:])
    count, stride = windows.count[axis], windows.stride[axis]
    if layer.padding == "same":
        before, after = windows.before[axis], windows.after[axis]
        written = equation(f"⌈{number(length)}/{stride}⌉", count)
        return same(written).then(
            Text(f'; "same" pads by {before} and {after}', f';"same" 在两侧分别填充 {before} 和 {after}')
        )
    pad = 0 if layer.padding == "valid" else layer.padding[axis]
    room = f"({number(length)} + 2·{pad} − {_extent(windows, axis)})/{stride}"
    if not getattr(layer, "ceil_mode", False):
        return same(equation(f"⌊{room}⌋ + 1", count))
    left_over = length + 2 * pad - windows.extent[axis]
    if -(-left_over // stride) + 1 == count:
        return same(equation(f"⌈{room}⌉ + 1", count))
    outside = Text(
        "; a window that would begin in the padding behind the maps does not count",
        "；从末端填充处才开始的窗口不算",
    )
    return same(equation(f"⌈{room}⌉ + 1 − 1", count)).then(outside)


def _extent(windows: Windows, axis: int) -> str:
    """Write how far a window reaches."""
    kernel, dilation = windows.size[axis], windows.dilation[axis]
    return str(kernel) if dilation == 1 else f"(({kernel} − 1)·{dilation} + 1)"


def _padded(layer: ZeroPadding2D, input_shape: Shape, axis: int) -> Text:
    before, after = layer.sides[axis]
    length = input_shape[1 + axis]
    return same(equation(f"{before} + {number(length)} + {after}", before + length + after))
