"""GoogLeNet: kernels of three sizes and a pooling side by side, made cheap by 1×1 convolutions."""

from __future__ import annotations

from collections.abc import Callable

from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    LocalResponseNormalization,
    MaxPooling2D,
    Parallel,
    ReLU,
    Sequential,
    SideOutput,
)
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer

INCEPTIONS = {
    # 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool proj
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Table 1 of the paper: the filters of each convolution."""

HALVE = MaxPooling2D(3, stride=2, ceil_mode=True)
"""From 112×112 to 56×56 and so on, as table 1 has it: the last window reaches beyond the maps."""

LRN = LocalResponseNormalization(size=5, alpha=2e-5, k=1.0)
"""The paper gives no numbers; these are Caffe's, which divides its α of 1e-4 by the size of the window."""

Convolve = Callable[..., list[Layer]]
"""Makes the layers of a convolution from its filters, its kernel's size and its stride."""


@model(
    "googlenet",
    title="GoogLeNet",
    year=2014,
    input_shape=(3, 224, 224),
    classes=1000,
    reported=Accuracy(89.93, "ImageNet", "top-5", note="single crop, trained with auxiliary heads"),
)
def googlenet(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network without its auxiliary heads: 6,998,552 parameters for 1,000 classes.

    Source: Szegedy et al., "Going deeper with convolutions", 2014, table 1. What the paper leaves open is as
    in the Caffe model zoo's `bvlc_googlenet`: the numbers of the local response normalization, and how poolings
    treat the border. Weights begin as He's, with which so deep a network of ReLUs learns more easily.
    """
    return Sequential(
        [
            *_conv(scaled(64, width), 7, stride=2),
            HALVE,
            LRN,
            *_conv(scaled(64, width), 1),
            *_conv(scaled(192, width), 3),
            LRN,
            HALVE,
            *_inceptions(3, width),
            HALVE,
            *_inceptions(4, width),
            HALVE,
            *_inceptions(5, width),
            GlobalAveragePooling2D(),
            Dropout(0.4),
            Dense(classes),
        ]
    )


@model(
    "googlenet_aux",
    title="GoogLeNet with auxiliary heads",
    year=2014,
    input_shape=(3, 224, 224),
    classes=1000,
    reported=Accuracy(89.93, "ImageNet", "top-5", note="single crop"),
)
def googlenet_aux(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network with the two heads that bring gradients to its middle: 13,378,280 parameters.

    They classify what inceptions 4a and 4d give, their losses count 0.3 each, and evaluation leaves them out.

    Source: Szegedy et al., 2014, section 5.
    """
    heads = {"inception4a": "aux1", "inception4d": "aux2"}
    layers: list[Layer] = []
    for layer in googlenet(classes, width).layers:
        layers.append(layer)
        if layer.name in heads:
            layers.append(SideOutput(_head(classes, width), weight=0.3, name=heads[layer.name]))
    return Sequential(layers)


def _head(classes: int, width: float) -> Sequential:
    return Sequential(
        [
            AveragePooling2D(5, stride=3),
            *_conv(scaled(128, width), 1),
            Flatten(),
            Dense(scaled(1024, width), activation="relu"),
            Dropout(0.7),
            Dense(classes),
        ]
    )


@model(
    "googlenet_torchvision",
    title="GoogLeNet (torchvision)",
    year=2014,
    input_shape=(3, 224, 224),
    classes=1000,
)
def googlenet_torchvision(classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network as torchvision has it, without auxiliary heads: 6,624,904 parameters for 1,000 classes.

    Source: torchvision, `models/googlenet.py`, whose weights come from TensorFlow. Changed there: batch
    normalization with ε = 0.001 in place of biases and local response normalization, 3×3 kernels where the paper
    has 5×5, a last pooling of 2×2, and 20% dropout.
    """
    return Sequential(
        [
            *_normalized(scaled(64, width), 7, stride=2),
            HALVE,
            *_normalized(scaled(64, width), 1),
            *_normalized(scaled(192, width), 3),
            HALVE,
            *_inceptions(3, width, _normalized, largest=3),
            HALVE,
            *_inceptions(4, width, _normalized, largest=3),
            MaxPooling2D(2, ceil_mode=True),
            *_inceptions(5, width, _normalized, largest=3),
            GlobalAveragePooling2D(),
            Dropout(0.2),
            Dense(classes),
        ]
    )


@model("googlenet_d2l", title="GoogLeNet (Dive into Deep Learning)", year=2014, input_shape=(1, 96, 96))
def googlenet_d2l(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the textbook's network: 5,977,530 parameters for 1×96×96 and ten classes.

    Source: A. Zhang et al., "Dive into Deep Learning", section 8.4. Changed there: neither local response
    normalization nor dropout, and poolings that pad by 1 on all sides.
    """
    halve = MaxPooling2D(3, stride=2, padding=1)
    return Sequential(
        [
            *_conv(scaled(64, width), 7, stride=2),
            halve,
            *_conv(scaled(64, width), 1),
            *_conv(scaled(192, width), 3),
            halve,
            *_inceptions(3, width),
            halve,
            *_inceptions(4, width),
            halve,
            *_inceptions(5, width),
            GlobalAveragePooling2D(),
            Dense(classes),
        ]
    )


@model("googlenet_32", title="GoogLeNet for 32×32", year=2014, input_shape=(3, 32, 32))
def googlenet_32(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make a form for images of 32×32 pixels: 5,983,402 parameters for ten classes.

    After Szegedy et al., 2014. Changed here: the first convolution is 3×3 and keeps the size, and no pooling
    follows it, so that the inceptions work on 16×16, 8×8 and 4×4 in place of 28×28, 14×14 and 7×7. Batch
    normalization takes the place of biases and local response normalization; it needs no auxiliary heads.
    """
    return Sequential(
        [
            *_normalized(scaled(64, width), 3),
            *_normalized(scaled(64, width), 1),
            *_normalized(scaled(192, width), 3),
            HALVE,
            *_inceptions(3, width, _normalized),
            HALVE,
            *_inceptions(4, width, _normalized),
            HALVE,
            *_inceptions(5, width, _normalized),
            GlobalAveragePooling2D(),
            Dropout(0.4),
            Dense(classes),
        ]
    )


def _conv(filters: int, size: int, stride: int = 1) -> list[Layer]:
    return [Conv2D(filters, size, stride, padding=size // 2, activation="relu")]


def _normalized(filters: int, size: int, stride: int = 1) -> list[Layer]:
    conv = Conv2D(filters, size, stride, padding=size // 2, use_bias=False)
    return [conv, BatchNormalization(epsilon=0.001), ReLU()]


def _inceptions(stage: int, width: float, conv: Convolve = _conv, largest: int = 5) -> list[Layer]:
    """Return the inceptions of a stage: 3a and 3b, 4a to 4e, or 5a and 5b."""
    return [
        _inception(name, [scaled(count, width) for count in filters], conv, largest)
        for name, filters in INCEPTIONS.items()
        if name.startswith(str(stage))
    ]


def _inception(name: str, filters: list[int], conv: Convolve, largest: int) -> Parallel:
    """Put four branches side by side: figure 2b of the paper."""
    one, reduce_3, three, reduce_5, five, projected = filters
    return Parallel(
        [
            Sequential(conv(one, 1)),
            Sequential([*conv(reduce_3, 1), *conv(three, 3)]),
            Sequential([*conv(reduce_5, 1), *conv(five, largest)]),
            Sequential([MaxPooling2D(3, stride=1, padding=1), *conv(projected, 1)]),
        ],
        name=f"inception{name}",
    )
