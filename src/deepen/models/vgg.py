"""VGG: nothing but 3×3 convolutions and 2×2 poolings, in growing depth."""

from __future__ import annotations

from functools import partial

from deepen.errors import UsageError
from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    ReLU,
    Sequential,
)
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer

FILTERS = (64, 128, 256, 512, 512)
"""Of the five stages, each of which ends in a pooling that halves the maps."""

CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""How many each stage has: columns A, B, D and E of the paper's table 1, by the number of layers with weights."""


def vgg(depth: int, classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network: 132,863,336 parameters for 11 layers, 138,357,544 for 16 (3×224×224, 1,000 classes).

    Raises:
        UsageError: there is no VGG of that depth; so in `vgg_bn` and `vgg_32`.

    Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014,
    section 2.1 and table 1; accuracies are those of a single test scale, table 3. Changed since: He
    initialization. The paper trains the shallowest network from N(0, 0.01²), and begins the deeper ones with its
    layers.
    """
    return Sequential([*_stages(depth, width, normalized=False), *_head(classes, width)])


def vgg_bn(depth: int, classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the network with batch normalization behind every convolution: 138,365,992 parameters for 16 layers.

    Source: Ioffe and Szegedy, "Batch normalization", 2015; the convolutions keep their bias as in torchvision,
    though normalization takes it away again.
    """
    return Sequential([*_stages(depth, width, normalized=True), *_head(classes, width)])


def vgg_32(depth: int, classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network for pictures of 32×32: 9,231,114 parameters as VGG-11, 14,728,266 as VGG-16.

    Changed for them: the five poolings leave one pixel, so that one dense layer is enough where the paper has
    three and dropout, and batch normalization follows every convolution. The name keeps the paper's depth.
    """
    return Sequential([*_stages(depth, width, normalized=True), Flatten(), Dense(classes)])


def _stages(depth: int, width: float, normalized: bool) -> list[Sequential]:
    if depth not in CONVOLUTIONS:
        raise UsageError(f"VGG has 11, 13, 16 or 19 layers, got {depth!r}")
    conv = _normalized if normalized else _plain
    return [
        Sequential([*conv(scaled(filters, width)) * count, MaxPooling2D(2)], name=f"stage{number}")
        for number, (filters, count) in enumerate(zip(FILTERS, CONVOLUTIONS[depth], strict=True), 1)
    ]


def _plain(filters: int) -> list[Layer]:
    return [Conv2D(filters, 3, padding=1, activation="relu")]


def _normalized(filters: int) -> list[Layer]:
    return [Conv2D(filters, 3, padding=1), BatchNormalization(), ReLU()]


def _head(classes: int, width: float) -> list[Layer]:
    units = scaled(4096, width)
    return [
        Flatten(),
        Dense(units, "relu"),
        Dropout(0.5),
        Dense(units, "relu"),
        Dropout(0.5),
        Dense(classes),
    ]


_of_224 = partial(model, input_shape=(3, 224, 224), classes=1000)
for _depth, _accuracy in ((11, 70.4), (13, 71.3), (16, 74.4), (19, 74.5)):
    _reported = Accuracy(_accuracy, "ImageNet", note="one scale")
    _of_224(f"vgg{_depth}", title=f"VGG-{_depth}", year=2014, reported=_reported)(partial(vgg, _depth))
    _of_224(f"vgg{_depth}_bn", title=f"VGG-{_depth} with batch normalization", year=2015)(partial(vgg_bn, _depth))
    model(f"vgg{_depth}_32", title=f"VGG-{_depth} for 32×32", year=2015, input_shape=(3, 32, 32))(
        partial(vgg_32, _depth)
    )
