"""AlexNet: the network that won ImageNet's challenge in 2012, and forms of it that others made."""

from __future__ import annotations

from deepen.initializers import Normal
from deepen.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LocalResponseNormalization,
    MaxPooling2D,
    OriginalDropout,
    Sequential,
)
from deepen.models.registry import Accuracy, model, scaled


@model(
    "alexnet",
    title="AlexNet",
    year=2012,
    input_shape=(3, 227, 227),
    classes=1000,
    reported=Accuracy(59.3, "ImageNet", note="mean of ten crops"),
)
def alexnet(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network: 60,965,224 parameters for 3×227×227 and 1,000 classes.

    The paper's two towers, one for each GPU, are two groups of channels: the second, fourth and fifth convolution
    see their own tower only. Max pooling overlaps; dropout scales afterwards, as at the time.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012, section 3;
    first weights N(0, 0.01²), and biases of 1 in the second, fourth and fifth convolution and the hidden dense
    layers, are of section 5; the accuracy of one network is of table 2. Changed since: 227 pixels, where the paper
    says 224; only with 227 do kernels of 11×11 with stride 4 fit, and lead to its 27×27 maps in the second layer.
    """
    start = Normal(0.01)

    def conv(
        filters: int, size: int, stride: int = 1, padding: int = 0, towers: int = 1, bias: str = "zeros"
    ) -> Conv2D:
        filters = scaled(filters, width, multiple=2)
        return Conv2D(
            filters, size, stride, padding, "relu", groups=towers, kernel_initializer=start, bias_initializer=bias
        )

    def hidden() -> Dense:
        return Dense(scaled(4096, width), "relu", kernel_initializer=start, bias_initializer="ones")

    return Sequential(
        [
            conv(96, 11, stride=4),
            LocalResponseNormalization(),
            MaxPooling2D(3, stride=2),
            conv(256, 5, padding=2, towers=2, bias="ones"),
            LocalResponseNormalization(),
            MaxPooling2D(3, stride=2),
            conv(384, 3, padding=1),
            conv(384, 3, padding=1, towers=2, bias="ones"),
            conv(256, 3, padding=1, towers=2, bias="ones"),
            MaxPooling2D(3, stride=2),
            Flatten(),
            hidden(),
            OriginalDropout(0.5),
            hidden(),
            OriginalDropout(0.5),
            Dense(classes, kernel_initializer=start),
        ]
    )


@model("alexnet_32", title="AlexNet for 32×32", year=2012, input_shape=(3, 32, 32))
def alexnet_32(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make AlexNet for small pictures: 1,436,874 parameters for 3×32×32 and ten classes.

    Changed for them: the first kernels are 5×5 with stride 1 in place of 11×11 with stride 4, there are half as
    many filters and an eighth of the hidden units, and weights start as He et al. have them, since N(0, 0.01²) is
    far too small for so few inputs. Towers, normalization and poolings are those of `alexnet`.
    """

    def conv(filters: int, size: int, towers: int = 1) -> Conv2D:
        return Conv2D(scaled(filters, width, multiple=2), size, 1, "same", "relu", groups=towers)

    return Sequential(
        [
            conv(48, 5),
            LocalResponseNormalization(),
            MaxPooling2D(3, stride=2),
            conv(128, 5, towers=2),
            LocalResponseNormalization(),
            MaxPooling2D(3, stride=2),
            conv(192, 3),
            conv(192, 3, towers=2),
            conv(128, 3, towers=2),
            MaxPooling2D(3, stride=2),
            Flatten(),
            Dense(scaled(512, width), "relu"),
            OriginalDropout(0.5),
            Dense(scaled(512, width), "relu"),
            OriginalDropout(0.5),
            Dense(classes),
        ]
    )


@model("alexnet_torchvision", title="AlexNet (torchvision)", year=2014, input_shape=(3, 224, 224), classes=1000)
def alexnet_torchvision(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network in torchvision's form: 61,100,840 parameters for 3×224×224 and 1,000 classes.

    Source: torchvision, `models/alexnet.py`, after Krizhevsky, "One weird trick for parallelizing convolutional
    neural networks", 2014: one tower, fewer filters, no normalization. Its adaptive pooling to 6×6, which changes
    nothing at 224×224, is left out.
    """
    return Sequential(
        [
            Conv2D(scaled(64, width), 11, 4, 2, "relu"),
            MaxPooling2D(3, stride=2),
            Conv2D(scaled(192, width), 5, 1, 2, "relu"),
            MaxPooling2D(3, stride=2),
            Conv2D(scaled(384, width), 3, 1, 1, "relu"),
            Conv2D(scaled(256, width), 3, 1, 1, "relu"),
            Conv2D(scaled(256, width), 3, 1, 1, "relu"),
            MaxPooling2D(3, stride=2),
            Flatten(),
            Dropout(0.5),
            Dense(scaled(4096, width), "relu"),
            Dropout(0.5),
            Dense(scaled(4096, width), "relu"),
            Dense(classes),
        ]
    )


@model("alexnet_d2l", title="AlexNet (Dive into Deep Learning)", year=2012, input_shape=(1, 224, 224))
def alexnet_d2l(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network as the textbook teaches it: 46,764,746 parameters for 1×224×224 and ten classes.

    Source: A. Zhang et al., "Dive into Deep Learning", section 8.1: one tower, no normalization, Xavier
    initialization; a first convolution padded by 1 takes 224 pixels.
    """

    def conv(filters: int, size: int, stride: int = 1, padding: int = 1) -> Conv2D:
        return Conv2D(scaled(filters, width), size, stride, padding, "relu", kernel_initializer="xavier_uniform")

    def dense(units: int, activation: str | None) -> Dense:
        return Dense(units, activation, kernel_initializer="xavier_uniform")

    return Sequential(
        [
            conv(96, 11, stride=4),
            MaxPooling2D(3, stride=2),
            conv(256, 5, padding=2),
            MaxPooling2D(3, stride=2),
            conv(384, 3),
            conv(384, 3),
            conv(256, 3),
            MaxPooling2D(3, stride=2),
            Flatten(),
            dense(scaled(4096, width), "relu"),
            Dropout(0.5),
            dense(scaled(4096, width), "relu"),
            Dropout(0.5),
            dense(classes, None),
        ]
    )
