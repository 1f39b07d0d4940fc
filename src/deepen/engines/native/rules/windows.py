"""Windows of convolutions and poolings, as the templates take them."""

from __future__ import annotations

from deepen.layers.windows import Windows


def window_type(windows: Windows) -> str:
    """Return the C++ type of windows: size, stride, dilation, and where the first one begins."""
    numbers = (*windows.size, *windows.stride, *windows.dilation, *windows.before)
    return f"Window<{', '.join(map(str, numbers))}>"


def reach(windows: Windows, height: int, width: int) -> int:
    """Return how many rows or columns beyond maps of this size the windows read, on the side where it is most."""
    below, right = (
        (count - 1) * stride + extent - before - length
        for count, stride, extent, before, length in zip(
            windows.count, windows.stride, windows.extent, windows.before, (height, width), strict=True
        )
    )
    return max(*windows.before, below, right, 0)
