"""Residual networks for images of 32×32 pixels, with their plain twins and the form with pre-activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from deepen.errors import UsageError
from deepen.layers import (
    BatchNormalization,
    ChannelPadding,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
    Residual,
    Sequential,
)
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer

FILTERS = (16, 32, 64)
"""Of the three stages, whose maps are 32×32, 16×16 and 8×8."""


def resnet(depth: int, classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the residual network of 6n + 2 layers: 269,722 parameters for 20 layers, 1,727,962 for 110.

    A convolution, three stages of n blocks of two 3×3 convolutions each, global average pooling and a dense
    layer. The shortcut is the identity; where a stage halves the maps and doubles their number, it takes every
    second pixel and pads with maps of zeros (option A), so that it has no parameters.

    Raises:
        UsageError: the depth is not 6n + 2, for n of 1 or more; so in `plain` and `preact_resnet`.

    Source: He et al., "Deep residual learning for image recognition", 2015, section 4.2. Convolutions have no
    bias, since batch normalization would take it away again.
    """
    return _network(depth, classes, width, _residual)


def plain(depth: int, classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the same network without shortcuts: the twin whose training error grows with the depth.

    Source: He et al., 2015, section 4.2 and figure 6, left.
    """
    return _network(depth, classes, width, _plain)


def preact_resnet(depth: int, classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the residual network whose blocks normalize and activate before they convolve.

    Nothing stands in the way of the sum from the first block to the last, so that a gradient reaches every block
    as it is; a normalization and a ReLU follow the last one.

    Source: He et al., "Identity mappings in deep residual networks", 2016, section 3.2, figure 4e; the network is
    that of `resnet` otherwise, with shortcuts of option A. The first block's normalization and ReLU stand before
    the fork, so that its shortcut sees them too.
    """
    stem = [*_normalized(scaled(FILTERS[0], width)), ReLU()]
    first, *others = _stages(depth, width, _preactivated)
    end = [BatchNormalization(), ReLU(), GlobalAveragePooling2D(), Dense(classes)]
    return Sequential([*stem, _forked_behind_its_activation(first), *others, *end])


Block = Callable[[int, int, str], list[Layer]]
"""Makes the layers of a block from its filters, its stride and its name."""


def _network(depth: int, classes: int, width: float, block: Block) -> Sequential:
    stem = [*_normalized(scaled(FILTERS[0], width)), ReLU()]
    return Sequential([*stem, *_stages(depth, width, block), GlobalAveragePooling2D(), Dense(classes)])


def _stages(depth: int, width: float, block: Block) -> list[Sequential]:
    if depth < 8 or (depth - 2) % 6:
        raise UsageError(f"the depth of these networks is 6n + 2, such as 20, got {depth!r}")
    stages = []
    for stage, filters in enumerate(FILTERS, 1):
        layers: list[Layer] = []
        for number in range(1, (depth - 2) // 6 + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            layers += block(scaled(filters, width), stride, f"block{number}")
        stages.append(Sequential(layers, name=f"stage{stage}"))
    return stages


def _residual(filters: int, stride: int, name: str) -> list[Layer]:
    return [Residual(_body(filters, stride), _option_a(filters, stride), name=name), ReLU()]


def _plain(filters: int, stride: int, name: str) -> list[Layer]:
    return [replace(_body(filters, stride), name=name), ReLU()]


def _preactivated(filters: int, stride: int, name: str) -> list[Layer]:
    body = [BatchNormalization(), ReLU(), _conv(filters, stride), BatchNormalization(), ReLU(), _conv(filters)]
    return [Residual(Sequential(body), _option_a(filters, stride), name=name)]


def _forked_behind_its_activation(stage: Sequential) -> Sequential:
    """Return a stage whose first block does without the normalization and the ReLU that the stem has already."""
    block, *others = stage.layers
    assert isinstance(block, Residual)
    assert isinstance(block.body, Sequential)
    body = Sequential(block.body.layers[2:])
    return replace(stage, layers=(replace(block, body=body), *others))


def _body(filters: int, stride: int) -> Sequential:
    return Sequential([*_normalized(filters, stride), ReLU(), *_normalized(filters)])


def _option_a(filters: int, stride: int) -> Sequential | None:
    return None if stride == 1 else Sequential([MaxPooling2D(1, stride), ChannelPadding(filters)])


def _normalized(filters: int, stride: int = 1) -> tuple[Conv2D, BatchNormalization]:
    return _conv(filters, stride), BatchNormalization()


def _conv(filters: int, stride: int = 1) -> Conv2D:
    return Conv2D(filters, 3, stride, padding=1, use_bias=False, kernel_initializer="he_normal")


# Errors of table 6 of He et al., 2015; those of the plain networks are only drawn, in figure 6. That of
# pre-activation is of table 2 of He et al., 2016, which has no network with fewer layers.
_of_32 = partial(model, input_shape=(3, 32, 32))
for _depth, _error in ((20, 8.75), (32, 7.51), (44, 7.17), (56, 6.97), (110, 6.43)):
    _of_32(
        f"resnet{_depth}",
        title=f"ResNet-{_depth}",
        year=2015,
        reported=Accuracy(round(100 - _error, 2), "CIFAR-10", note="best of five runs" if _depth == 110 else ""),
    )(partial(resnet, _depth))
for _depth in (20, 32, 44, 56):  # with 110 layers the plain network does not learn any more
    _of_32(f"plain{_depth}", title=f"ResNet-{_depth} without shortcuts", year=2015)(partial(plain, _depth))
for _depth in (20, 56, 110):
    _of_32(
        f"preact_resnet{_depth}",
        title=f"ResNet-{_depth} with pre-activation",
        year=2016,
        reported=Accuracy(93.63, "CIFAR-10") if _depth == 110 else None,
    )(partial(preact_resnet, _depth))
