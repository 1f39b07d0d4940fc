"""The deep models that are one row of layers: AlexNet, VGG, NiN.

Multiply-adds are written out: the positions of a layer, its filters, and what each of them sees.
"""

from __future__ import annotations

from facts import Facts

GREY = (1, 224, 224)
SMALL_GREY, SMALL_COLOUR = (1, 67, 67), (3, 67, 67)

DENSE = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
"""AlexNet's last three layers for 6×6 maps and 1,000 classes."""

ALEXNET = {
    "alexnet": Facts(
        60_965_224,
        55**2 * 96 * 363 + 27**2 * 256 * 1200 + 13**2 * (384 * 2304 + 384 * 1728 + 256 * 1728) + DENSE,
        layers=(34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000),
        width=1 / 16,
        size=SMALL_COLOUR,
    ),
    "alexnet_torchvision": Facts(
        61_100_840,
        55**2 * 64 * 363 + 27**2 * 192 * 1600 + 13**2 * (384 * 1728 + 256 * 3456 + 256 * 2304) + DENSE,
        width=1 / 16,
        size=SMALL_COLOUR,
    ),
    "alexnet_d2l": Facts(
        46_764_746,
        54**2 * 96 * 121
        + 26**2 * 256 * 2400
        + 12**2 * (384 * 2304 + 384 * 3456 + 256 * 3456)
        + (6400 * 4096 + 4096 * 4096 + 4096 * 10),
        width=1 / 16,
        size=SMALL_GREY,
    ),
    "alexnet_32": Facts(
        1_436_874,
        32**2 * 48 * 75
        + 15**2 * 128 * 600
        + 7**2 * (192 * 1152 + 192 * 864 + 128 * 864)
        + (1152 * 512 + 512 * 512 + 512 * 10),
        layers=(3648, 76928, 221376, 166080, 110720, 590336, 262656, 5130),
        width=1 / 8,
    ),
}

NIN = {
    "nin": Facts(
        1_992_166,
        54**2 * 96 * (121 + 2 * 96)
        + 26**2 * 256 * (2400 + 2 * 256)
        + 12**2 * 384 * (2304 + 2 * 384)
        + 5**2 * 10 * (3456 + 2 * 10),
        width=1 / 4,
        size=SMALL_GREY,
    ),
    "nin_32": Facts(
        966_986,
        32**2 * (192 * 75 + 160 * 192 + 96 * 160)
        + 16**2 * 192 * (2400 + 2 * 192)
        + 8**2 * (192 * 1728 + 192 * 192 + 10 * 192),
        width=1 / 8,
    ),
}


def vgg(*convolutions: int, channels: int = 3, size: int = 224) -> int:
    """Count the multiply-adds of five stages, the first convolution of each seeing the channels before it."""
    total = 0
    for count, filters in zip(convolutions, (64, 128, 256, 512, 512), strict=True):
        total += 9 * size**2 * filters * (channels + (count - 1) * filters)
        channels, size = filters, size // 2
    return total


VGG_DENSE = 7**2 * 512 * 4096 + 4096 * 4096
TINY = {"width": 1 / 16, "size": (3, 32, 32)}

VGG = {
    "vgg11": Facts(
        128_806_154,
        vgg(1, 1, 2, 2, 2, channels=1) + VGG_DENSE + 4096 * 10,
        classes=10,
        input_shape=GREY,
        **TINY,
    ),
    "vgg13": Facts(133_047_848, vgg(2, 2, 2, 2, 2) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg16": Facts(138_357_544, vgg(2, 2, 3, 3, 3) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg19": Facts(143_667_240, vgg(2, 2, 4, 4, 4) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg11_bn": Facts(132_868_840, vgg(1, 1, 2, 2, 2) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg13_bn": Facts(133_053_736, vgg(2, 2, 2, 2, 2) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg16_bn": Facts(138_365_992, vgg(2, 2, 3, 3, 3) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg19_bn": Facts(143_678_248, vgg(2, 2, 4, 4, 4) + VGG_DENSE + 4096 * 1000, **TINY),
    "vgg11_32": Facts(9_231_114, vgg(1, 1, 2, 2, 2, size=32) + 512 * 10, width=1 / 16),
    "vgg13_32": Facts(9_416_010, vgg(2, 2, 2, 2, 2, size=32) + 512 * 10, width=1 / 16),
    "vgg16_32": Facts(14_728_266, vgg(2, 2, 3, 3, 3, size=32) + 512 * 10, width=1 / 16),
    "vgg19_32": Facts(20_040_522, vgg(2, 2, 4, 4, 4, size=32) + 512 * 10, width=1 / 16),
}

SEQUENTIAL = {**ALEXNET, **NIN, **VGG}
