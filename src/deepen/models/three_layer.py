"""The three-layer convolutional network of the course CS231n."""

from __future__ import annotations

from deepen.initializers import Normal
from deepen.layers import Conv2D, Dense, Flatten, MaxPooling2D, Sequential
from deepen.models.registry import model, scaled


@model("three_layer", title="Three-layer network", year=2016, input_shape=(3, 32, 32))
def three_layer(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 4,736 + 819,300 + 1,010 = 825,046 parameters for 3×32×32 and ten classes.

    Source: CS231n, Stanford, assignment 2, `ThreeLayerConvNet`: convolution, ReLU, 2×2 max pooling, affine, ReLU,
    affine. 32 kernels of 7×7 keep height and width; weights start as N(0, 0.001²).
    """
    start = Normal(0.001)
    return Sequential(
        [
            Conv2D(scaled(32, width), 7, padding="same", activation="relu", kernel_initializer=start),
            MaxPooling2D(2),
            Flatten(),
            Dense(scaled(100, width), activation="relu", kernel_initializer=start),
            Dense(classes, kernel_initializer=start),
        ]
    )
