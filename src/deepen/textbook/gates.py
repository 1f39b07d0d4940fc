"""Gates of a computational graph: each knows its value, and how a gradient flows back through it.

A network's backward pass is these rules, one after the other from the output to the inputs (the chain rule).

Source: CS231n, "Backpropagation, intuitions", patterns in backward flow; Saito, "Deep Learning from Scratch",
section 5.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Add:
    """`z = x + y`. Distributes the gradient: both inputs receive dz."""

    def forward(self, x: Any, y: Any) -> Any:
        """Return z."""
        return x + y

    def backward(self, dz: Any) -> tuple[Any, Any]:
        """Return (dx, dy)."""
        return dz, dz


class Multiply:
    """`z = x · y`. Switches the inputs: `dx = dz · y`, `dy = dz · x`."""

    def forward(self, x: Any, y: Any) -> Any:
        """Return z, and remember both inputs."""
        self.x, self.y = x, y
        return x * y

    def backward(self, dz: Any) -> tuple[Any, Any]:
        """Return (dx, dy)."""
        return dz * self.y, dz * self.x


class Max:
    """`z = max(x, y)`. Routes the gradient: the larger input receives dz, the other 0; of equal ones, x does."""

    def forward(self, x: Any, y: Any) -> Any:
        """Return z, and remember which input it was."""
        self.first = x >= y
        return np.where(self.first, x, y)

    def backward(self, dz: Any) -> tuple[Any, Any]:
        """Return (dx, dy)."""
        return np.where(self.first, dz, 0), np.where(self.first, 0, dz)


class Copy:
    """`(y, z) = (x, x)`. Adds the gradients where a value forked: `dx = dy + dz`."""

    def forward(self, x: Any) -> tuple[Any, Any]:
        """Return x twice."""
        return x, x

    def backward(self, dy: Any, dz: Any) -> Any:
        """Return dx."""
        return dy + dz
