"""LeNet as textbooks teach it today: sigmoid and average pooling."""

from __future__ import annotations

from deepen.layers import AveragePooling2D, Conv2D, Dense, Flatten, Sequential
from deepen.models.registry import model, scaled


@model("lenet", title="LeNet (sigmoid, average pooling)", year=1998, input_shape=(1, 28, 28))
def lenet(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 61,706 parameters for 1×28×28 and ten classes.

    Source: A. Zhang et al., "Dive into Deep Learning", section 7.6, after LeCun et al., 1998. Changed there
    since 1998: every map of the second convolution sees all six maps, pooling learns nothing, and the last
    layer is dense in place of radial basis functions. Xavier initialization, as sigmoids need it.
    """
    return Sequential(
        [
            _conv(scaled(6, width), padding=2),
            AveragePooling2D(2),
            _conv(scaled(16, width), padding=0),
            AveragePooling2D(2),
            Flatten(),
            _dense(scaled(120, width), "sigmoid"),
            _dense(scaled(84, width), "sigmoid"),
            _dense(classes, None),
        ]
    )


def _conv(filters: int, padding: int) -> Conv2D:
    return Conv2D(filters, 5, padding=padding, activation="sigmoid", kernel_initializer="xavier_uniform")


def _dense(units: int, activation: str | None) -> Dense:
    return Dense(units, activation=activation, kernel_initializer="xavier_uniform")
