"""DenseNet: each layer sees the maps of all layers before it."""

from __future__ import annotations

from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Parallel,
    ReLU,
    Sequential,
)
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer


@model(
    "densenet121",
    title="DenseNet-121",
    year=2016,
    input_shape=(3, 224, 224),
    classes=1000,
    reported=Accuracy(74.98, "ImageNet", note="single crop"),
)
def densenet121(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network of 121 layers and growth rate 32: 7,978,856 parameters for 1,000 classes.

    Source: Huang et al., "Densely connected convolutional networks", 2016, table 1.
    """
    growth = scaled(32, width)
    stem = [
        _conv(2 * growth, 7, stride=2),
        BatchNormalization(),
        ReLU(),
        MaxPooling2D(3, stride=2, padding=1),
    ]
    return _network(stem, 2 * growth, (6, 12, 24, 16), growth, classes)


@model(
    "densenet_bc_100_12",
    title="DenseNet-BC-100-12",
    year=2016,
    input_shape=(3, 32, 32),
    reported=Accuracy(95.49, "CIFAR-10"),
)
def densenet_bc_100_12(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network of 100 layers and growth rate 12 for images of 32×32: 769,162 parameters for ten classes.

    Source: Huang et al., 2016, sections 3 and 4.2 and table 2.
    """
    growth = scaled(12, width)
    return _network([_conv(2 * growth, 3)], 2 * growth, (16, 16, 16), growth, classes)


def _network(stem: list[Layer], channels: int, counts: tuple[int, ...], growth: int, classes: int) -> Sequential:
    """Put dense blocks of so many layers, and transitions between them, behind a stem of so many channels.

    A transition halves the channels, the height and the width.
    """
    layers = list(stem)
    for stage, count in enumerate(counts, 1):
        if stage > 1:
            channels //= 2
            layers.append(_transition(channels, f"transition{stage - 1}"))
        layers.append(Sequential([_dense_layer(growth, i) for i in range(1, count + 1)], name=f"stage{stage}"))
        channels += count * growth
    return Sequential([*layers, BatchNormalization(), ReLU(), GlobalAveragePooling2D(), Dense(classes)])


def _dense_layer(growth: int, number: int) -> Parallel:
    """Add `growth` maps to those that come in, by way of a bottleneck of four times as many."""
    narrow = [BatchNormalization(), ReLU(), _conv(4 * growth, 1)]
    body = Sequential([*narrow, BatchNormalization(), ReLU(), _conv(growth, 3)])
    return Parallel([Sequential(), body], name=f"layer{number}")


def _transition(channels: int, name: str) -> Sequential:
    return Sequential([BatchNormalization(), ReLU(), _conv(channels, 1), AveragePooling2D(2)], name=name)


def _conv(filters: int, size: int, stride: int = 1) -> Conv2D:
    return Conv2D(filters, size, stride, padding=size // 2, use_bias=False, kernel_initializer="he_normal")
