"""SimpleConvNet: one convolution, the first convolutional network of a well-known textbook."""

from __future__ import annotations

from deepen.initializers import Normal
from deepen.layers import Conv2D, Dense, Flatten, MaxPooling2D, Sequential
from deepen.models.registry import Accuracy, model, scaled


@model(
    "simple_convnet", title="SimpleConvNet", year=2016, input_shape=(1, 28, 28), reported=Accuracy(98.96, "MNIST")
)
def simple_convnet(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 780 + 432,100 + 1,010 = 433,890 parameters for 1×28×28 and ten classes.

    Source: K. Saito, "Deep Learning from Scratch", O'Reilly Japan, 2016, section 7.5: 30 kernels of 5×5 without
    padding, 100 hidden units, weights that start as N(0, 0.01²).
    """
    start = Normal(0.01)
    return Sequential(
        [
            Conv2D(scaled(30, width), 5, activation="relu", kernel_initializer=start),
            MaxPooling2D(2),
            Flatten(),
            Dense(scaled(100, width), activation="relu", kernel_initializer=start),
            Dense(classes, kernel_initializer=start),
        ]
    )
