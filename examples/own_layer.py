"""A layer of one's own, from its equation to a trained network.

    python examples/own_layer.py
    deepen --import examples/own_layer.py check prelu_net
    deepen --import examples/own_layer.py train prelu_net --data digits --epochs 5 --augment none --batch-size 32

The layer is a ReLU whose slope below 0 is learned, one for each channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import deepen
from deepen import Layer, Model, Param, data
from deepen.initializers import ConstantValue
from deepen.layers import Conv2D, Dense, Flatten, MaxPooling2D, Sequential


@deepen.register
@dataclass(frozen=True)
class PReLU(Layer):
    """Let a learned share of what is below 0 through: `y = max(x, 0) + a · min(x, 0)`, one a for each channel.

    Backward: `dx = dy` where x > 0, else `a · dy`; `da = Σ dy · min(x, 0)` over images, rows and columns.

    Shapes: `(N, C, H, W)` stays as it is; a is `(C,)`.

    Raises:
        ShapeError: the input is no maps.

    Source: He et al., "Delving deep into rectifiers", 2015, section 2.1.
    """

    kind: ClassVar[str] = "prelu"

    def output_shape(self, input_shape):
        if len(input_shape) != 3:
            raise self.misfit(f"expects maps (channels, height, width), got {input_shape}; put it before Flatten")
        return input_shape

    def params(self, input_shape):
        return {"a": Param(input_shape[:1], ConstantValue(0.25), decay=False)}

    def forward(self, x, params, ctx):
        return np.where(x > 0, x, params["a"][:, None, None] * x), x

    def backward(self, dy, params, cache):
        x = cache
        dx = np.where(x > 0, dy, params["a"][:, None, None] * dy)
        return dx, {"a": (dy * np.minimum(x, 0)).sum(axis=(0, 2, 3))}

    def torch_forward(self, F, x, params, ctx):
        return F.prelu(x, params["a"])


@deepen.models.model("prelu_net", title="A convolution with PReLU", year=2015, input_shape=(1, 8, 8))
def prelu_net(classes: int = 10) -> Sequential:
    return Sequential([Conv2D(16, 3, padding=1), PReLU(), MaxPooling2D(2), Flatten(), Dense(classes)])


def main() -> None:
    print(deepen.check(PReLU(), (4, 6, 6)))

    digits = data.load("digits")
    model = Model(prelu_net(), (1, 8, 8))
    model.compile("adam")
    model.fit(digits.train_images, digits.train_labels, epochs=5)
    print(f"test accuracy {model.evaluate(digits.test_images, digits.test_labels).accuracy:.2%}")


if __name__ == "__main__":
    main()
