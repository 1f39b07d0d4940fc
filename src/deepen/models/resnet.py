"""Residual networks for ImageNet: blocks that learn what to add to their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from deepen.errors import UsageError
from deepen.layers import (
    BatchNormalization,
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

FILTERS = (64, 128, 256, 512)
"""Of the four stages, whose maps are 56×56, 28×28, 14×14 and 7×7."""


@dataclass(frozen=True)
class Block:
    """What the blocks of a network are made of."""

    body: Callable[[int, int], list[Layer]]
    """Makes the body's layers from its filters and its stride."""
    shortcut: Callable[[int, int], list[Layer]]
    """Makes those of a shortcut that changes the shape, from the body's output channels and its stride."""
    expansion: int = 1
    """How many times as many channels come out as the body has filters."""


def resnet(depth: int, classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the residual network of table 1: 11,689,512 parameters for 18 layers, 25,557,032 for 50, 1,000 classes.

    A 7×7 convolution and a pooling, four stages of blocks, global average pooling and a dense layer. Blocks are
    two 3×3 convolutions, from 50 layers on a bottleneck of 1×1, 3×3 and 1×1. The shortcut is the identity, but a
    1×1 convolution where the shape changes (option B).

    Raises:
        UsageError: there is no ResNet of that depth.

    Source: He et al., "Deep residual learning for image recognition", 2015, section 4.1. A bottleneck that halves
    the maps does it in its first convolution, as in the authors' own models.
    """
    if depth not in DEPTHS:
        raise UsageError(f"ResNet has 18, 34, 50, 101 or 152 layers, got {depth!r}")
    counts, block = DEPTHS[depth]
    return Sequential([*_stem(width), *_stages(counts, block, width), GlobalAveragePooling2D(), Dense(classes)])


def resnet_torchvision(depth: int, classes: int = 1000, width: float = 1.0) -> Sequential:
    """Make the same network, but with bottlenecks that halve the maps in their 3×3 convolution.

    Raises:
        UsageError: torchvision has no form of its own of that depth.

    Source: torchvision, `models/resnet.py`, after S. Gross and M. Wilber, "Training and investigating residual
    nets", 2016: a 1×1 convolution with stride 2 skips three of four pixels, a 3×3 none. Networks of 18 and 34
    layers have no bottlenecks and are the same in both.
    """
    if depth not in (50, 101, 152):
        raise UsageError(f"torchvision's form differs for 50, 101 and 152 layers, got {depth!r}; take `resnet`")
    counts, _ = DEPTHS[depth]
    stages = _stages(counts, BOTTLENECK_TORCHVISION, width)
    return Sequential([*_stem(width), *stages, GlobalAveragePooling2D(), Dense(classes)])


@model("resnet18_d2l", title="ResNet-18 (Dive into Deep Learning)", year=2015, input_shape=(1, 224, 224))
def resnet18_d2l(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the textbook's network: 11,178,378 parameters for 1×224×224 and ten classes.

    Source: A. Zhang et al., "Dive into Deep Learning", section 8.6. Changed there: convolutions have biases, and
    the shortcut's is not normalized.
    """
    stem = [Conv2D(scaled(64, width), 7, stride=2, padding=3), BatchNormalization(), ReLU(), _halve()]
    return Sequential([*stem, *_stages((2, 2, 2, 2), BASIC_D2L, width), GlobalAveragePooling2D(), Dense(classes)])


@model("resnet18_32", title="ResNet-18 for 32×32", year=2015, input_shape=(3, 32, 32))
def resnet18_32(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make a form for images of 32×32 pixels: 11,173,962 parameters for ten classes.

    After He et al., 2015, table 1. Changed here, as is usual: the first convolution is 3×3 and keeps the size, and
    no pooling follows it, so that the stages work on 32×32, 16×16, 8×8 and 4×4.
    """
    stem = [*_normalized(scaled(64, width), 3), ReLU()]
    return Sequential([*stem, *_stages((2, 2, 2, 2), BASIC, width), GlobalAveragePooling2D(), Dense(classes)])


def _stem(width: float) -> list[Layer]:
    return [*_normalized(scaled(64, width), 7, stride=2), ReLU(), _halve()]


def _halve() -> MaxPooling2D:
    return MaxPooling2D(3, stride=2, padding=1)


def _stages(counts: tuple[int, ...], block: Block, width: float) -> list[Sequential]:
    stages = []
    channels = scaled(FILTERS[0], width)
    for stage, count in enumerate(counts, 1):
        filters = scaled(FILTERS[stage - 1], width)
        layers: list[Layer] = []
        for number in range(1, count + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            outputs = block.expansion * filters
            keeps = stride == 1 and channels == outputs
            shortcut = None if keeps else Sequential(block.shortcut(outputs, stride))
            body = Sequential(block.body(filters, stride))
            layers += [Residual(body, shortcut, name=f"block{number}"), ReLU()]
            channels = outputs
        stages.append(Sequential(layers, name=f"stage{stage}"))
    return stages


def _basic(filters: int, stride: int) -> list[Layer]:
    return [*_normalized(filters, 3, stride), ReLU(), *_normalized(filters, 3)]


def _bottleneck(filters: int, stride: int) -> list[Layer]:
    narrow = [*_normalized(filters, 1, stride), ReLU(), *_normalized(filters, 3), ReLU()]
    return [*narrow, *_normalized(4 * filters, 1)]


def _bottleneck_torchvision(filters: int, stride: int) -> list[Layer]:
    narrow = [*_normalized(filters, 1), ReLU(), *_normalized(filters, 3, stride), ReLU()]
    return [*narrow, *_normalized(4 * filters, 1)]


def _projection(channels: int, stride: int) -> list[Layer]:
    return _normalized(channels, 1, stride)


def _basic_d2l(filters: int, stride: int) -> list[Layer]:
    first, second = Conv2D(filters, 3, stride, padding=1), Conv2D(filters, 3, padding=1)
    return [first, BatchNormalization(), ReLU(), second, BatchNormalization()]


def _projection_d2l(channels: int, stride: int) -> list[Layer]:
    return [Conv2D(channels, 1, stride)]


def _normalized(filters: int, size: int, stride: int = 1) -> list[Layer]:
    conv = Conv2D(filters, size, stride, padding=size // 2, use_bias=False, kernel_initializer="he_normal")
    return [conv, BatchNormalization()]


BASIC = Block(_basic, _projection)
BASIC_D2L = Block(_basic_d2l, _projection_d2l)
BOTTLENECK = Block(_bottleneck, _projection, expansion=4)
BOTTLENECK_TORCHVISION = Block(_bottleneck_torchvision, _projection, expansion=4)

DEPTHS = {
    18: ((2, 2, 2, 2), BASIC),
    34: ((3, 4, 6, 3), BASIC),
    50: ((3, 4, 6, 3), BOTTLENECK),
    101: ((3, 4, 23, 3), BOTTLENECK),
    152: ((3, 8, 36, 3), BOTTLENECK),
}
"""Table 1 of the paper: how many blocks the stages have, and of which kind."""

# Top-1 errors of table 3 of the paper. Its network of 18 layers (table 2) has shortcuts of option A.
_ERRORS = {34: 24.52, 50: 22.85, 101: 21.75, 152: 21.43}
for _depth in DEPTHS:
    model(
        f"resnet{_depth}",
        title=f"ResNet-{_depth}",
        year=2015,
        input_shape=(3, 224, 224),
        classes=1000,
        reported=Accuracy(round(100 - _ERRORS[_depth], 2), "ImageNet", note="10 crops") if _depth > 18 else None,
    )(partial(resnet, _depth))
for _depth in (50, 101, 152):
    model(
        f"resnet{_depth}_torchvision",
        title=f"ResNet-{_depth} (torchvision)",
        year=2016,
        input_shape=(3, 224, 224),
        classes=1000,
    )(partial(resnet_torchvision, _depth))
