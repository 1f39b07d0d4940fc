"""Network in network: 1×1 convolutions, and a mean of maps in place of dense layers."""

from __future__ import annotations

from deepen.layers import (
    AveragePooling2D,
    Conv2D,
    Dropout,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Sequential,
)
from deepen.models.registry import Accuracy, model, scaled


@model("nin", title="NiN (Dive into Deep Learning)", year=2013, input_shape=(1, 224, 224))
def nin(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 1,992,166 parameters for 1×224×224 and ten classes.

    Kernels and filters are AlexNet's. Two 1×1 convolutions, a small dense network at every pixel, follow each.

    Source: A. Zhang et al., "Dive into Deep Learning", section 8.3, after Lin et al., "Network in network", 2013.
    Xavier initialization. As there, ReLU follows the last maps too: a class whose map is all 0 stops learning.
    """

    def conv(filters: int, size: int = 1, stride: int = 1, padding: int = 0) -> Conv2D:
        return Conv2D(filters, size, stride, padding, "relu", kernel_initializer="xavier_uniform")

    def mlpconv(filters: int, size: int, stride: int = 1, padding: int = 0) -> list[Conv2D]:
        return [conv(filters, size, stride, padding), conv(filters), conv(filters)]

    return Sequential(
        [
            *mlpconv(scaled(96, width), 11, stride=4),
            MaxPooling2D(3, stride=2),
            *mlpconv(scaled(256, width), 5, padding=2),
            MaxPooling2D(3, stride=2),
            *mlpconv(scaled(384, width), 3, padding=1),
            MaxPooling2D(3, stride=2),
            Dropout(0.5),
            *mlpconv(classes, 3, padding=1),
            GlobalAveragePooling2D(),
        ]
    )


@model(
    "nin_32",
    title="NiN for 32×32",
    year=2013,
    input_shape=(3, 32, 32),
    reported=Accuracy(89.59, "CIFAR-10", note="without augmentation"),
)
def nin_32(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the paper's own network for CIFAR-10: 966,986 parameters for 3×32×32 and ten classes.

    Three convolutions, each followed by two of 1×1; dropout behind the first two threes; the mean of each of the
    last maps is the score of a class. With shifted and mirrored pictures the paper reports 91.19%.

    Source: Lin et al., "Network in network", 2013, sections 3 and 4.2; the filters and poolings, which the paper
    does not give, are of its authors' model for Caffe, gist.github.com/mavenlin/e56253735ef32c3c296d, as is the
    ReLU behind the last maps. Changed since: He initialization.
    """

    def conv(filters: int, size: int = 1) -> Conv2D:
        return Conv2D(filters, size, padding="same", activation="relu")

    return Sequential(
        [
            conv(scaled(192, width), 5),
            conv(scaled(160, width)),
            conv(scaled(96, width)),
            MaxPooling2D(3, stride=2, ceil_mode=True),
            Dropout(0.5),
            conv(scaled(192, width), 5),
            conv(scaled(192, width)),
            conv(scaled(192, width)),
            AveragePooling2D(3, stride=2, ceil_mode=True),
            Dropout(0.5),
            conv(scaled(192, width), 3),
            conv(scaled(192, width)),
            conv(classes),
            GlobalAveragePooling2D(),
        ]
    )
