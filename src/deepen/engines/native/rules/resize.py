"""Changing the size of maps."""

from __future__ import annotations

from typing import cast

import numpy as np

from deepen.context import Context, Pass
from deepen.engines.native.graph import Constant, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.checks import Pair
from deepen.layers.resize import Resize


@rule(Resize)
def resize(lowering: Lowering, layer: Resize, path: str, x: Value) -> Value:
    """The layer's two matrices, of which the kernel is told the entries that are not zero."""
    _, height, width = x.maps
    rows, columns = cast(Pair, layer.size)
    if (rows, columns) == (height, width):
        return x
    constants = _entries(layer, "row", height, rows) | _entries(layer, "column", width, columns)
    shape = layer.output_shape(x.shape)
    return lowering.add(
        path, "Resize<{x}, {y}, {constants}>", "resize.hpp", x, shape, reads="", constants=constants
    )


def _entries(layer: Resize, axis: str, length: int, size: int) -> dict[str, Constant]:
    """Return where the entries of each row of a matrix `(size, length)` begin, the first and the one after it."""
    # Column j of the matrix is what the layer makes of an image that is 1 at pixel j alone.
    units = np.eye(length)[:, None, :, None]
    y, _ = Resize((size, 1), layer.mode).forward(units, {}, Context(Pass(training=False)))
    matrix = np.pad(y[:, 0, :, 0].T, ((0, 0), (0, 1)))
    places, each = (matrix != 0).argmax(axis=1), np.arange(size)
    return {
        f"{axis}s": tuple(places.tolist()),
        f"{axis}_shares": tuple(matrix[each, places].tolist()),
        f"next_{axis}_shares": tuple(matrix[each, places + 1].tolist()),
    }
