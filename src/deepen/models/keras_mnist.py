"""The small network of Keras' introductory example on MNIST."""

from __future__ import annotations

from deepen.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Sequential
from deepen.models.registry import Accuracy, model, scaled


@model(
    "keras_mnist",
    title="Keras' MNIST example",
    year=2015,
    input_shape=(1, 28, 28),
    reported=Accuracy(99, "MNIST", note="about"),
)
def keras_mnist(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 320 + 18,496 + 16,010 = 34,826 parameters for 1×28×28 and ten classes.

    Source: F. Chollet, "Simple MNIST convnet", keras.io examples; Keras' default initializer, Glorot's.
    """
    return Sequential(
        [
            Conv2D(scaled(32, width), 3, activation="relu", kernel_initializer="glorot_uniform"),
            MaxPooling2D(2),
            Conv2D(scaled(64, width), 3, activation="relu", kernel_initializer="glorot_uniform"),
            MaxPooling2D(2),
            Flatten(),
            Dropout(0.5),
            Dense(classes, activation="softmax", kernel_initializer="glorot_uniform"),
        ]
    )
