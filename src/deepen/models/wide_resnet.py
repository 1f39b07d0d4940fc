"""Wide residual networks: fewer blocks with more filters."""

from __future__ import annotations

from functools import partial

from deepen.errors import UsageError
from deepen.layers import BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, ReLU, Residual, Sequential
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer

FILTERS = (16, 32, 64)
"""Of the three stages, whose maps are 32×32, 16×16 and 8×8, before they are widened."""


def wide_resnet(depth: int, widening: int, classes: int = 10, width: float = 1.0) -> Sequential:
    """Make WRN-`depth`-`widening`, of 6n + 4 layers: 36,479,194 parameters for WRN-28-10 and ten classes.

    A convolution, three stages of n blocks with pre-activation and `widening` times as many filters as ResNet has,
    batch normalization, ReLU, global average pooling and a dense layer. The first block of a stage changes the
    shape: its shortcut is a 1×1 convolution, and body and shortcut share the activation before them.

    Raises:
        UsageError: the depth is not 6n + 4, for n of 1 or more.

    Source: Zagoruyko and Komodakis, "Wide residual networks", 2016, table 1, blocks B(3, 3). Left out is the
    dropout between the convolutions that some of the paper's networks have.
    """
    if depth < 10 or (depth - 4) % 6:
        raise UsageError(f"the depth of a wide residual network is 6n + 4, such as 28, got {depth!r}")
    stages = []
    for stage, filters in enumerate(FILTERS, 1):
        wide = scaled(filters * widening, width)
        layers = _first_block(wide, stride=1 if stage == 1 else 2)
        layers += [_block(wide, f"block{number}") for number in range(2, (depth - 4) // 6 + 1)]
        stages.append(Sequential(layers, name=f"stage{stage}"))
    stem = _conv(scaled(FILTERS[0], width))
    return Sequential([stem, *stages, BatchNormalization(), ReLU(), GlobalAveragePooling2D(), Dense(classes)])


def _first_block(filters: int, stride: int) -> list[Layer]:
    body = [_conv(filters, stride), BatchNormalization(), ReLU(), _conv(filters)]
    shortcut = Conv2D(filters, 1, stride, use_bias=False, kernel_initializer="he_normal")
    return [BatchNormalization(), ReLU(), Residual(Sequential(body), Sequential([shortcut]), name="block1")]


def _block(filters: int, name: str) -> Residual:
    body = [BatchNormalization(), ReLU(), _conv(filters), BatchNormalization(), ReLU(), _conv(filters)]
    return Residual(Sequential(body), name=name)


def _conv(filters: int, stride: int = 1) -> Conv2D:
    return Conv2D(filters, 3, stride, padding=1, use_bias=False, kernel_initializer="he_normal")


# Errors of the paper's table of CIFAR-10 and CIFAR-100, without dropout.
for _depth, _widening, _error in ((16, 8, 4.27), (40, 4, 4.53), (28, 10, 4.00)):
    model(
        f"wrn{_depth}_{_widening}",
        title=f"WRN-{_depth}-{_widening}",
        year=2016,
        input_shape=(3, 32, 32),
        reported=Accuracy(round(100 - _error, 2), "CIFAR-10"),
    )(partial(wide_resnet, _depth, _widening))
