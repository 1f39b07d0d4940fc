"""The models with branches and shortcuts: GoogLeNet, ResNet, wide residual networks and DenseNet.

Parameters are published counts. Multiply-adds are worked out here by hand: weights times positions.
"""

from __future__ import annotations

from facts import Facts

# The weights of the inceptions of stages 3, 4 and 5, row by row of the paper's table 1; then with 3×3 kernels in
# place of 5×5. For the whole network the paper gives about 1.5 billion, torchvision 1.50 for its own form.
INCEPTIONS = (163_328 + 388_096, 375_552 + 448_512 + 509_440 + 604_672 + 867_328, 1_042_432 + 1_442_816)
SMALLER = (494_080, 2_645_760, 2_321_408)


def inceptions(weights: tuple[int, ...], sizes: tuple[int, ...]) -> int:
    """Return the multiply-adds of stages whose maps have these sizes."""
    return sum(count * size**2 for count, size in zip(weights, sizes, strict=True))


STEM = 3 * 64 * 7**2 * 112**2
"""Of GoogLeNet and of the networks for ImageNet after it: a 7×7 convolution with stride 2."""
SECOND = 64 * 64 + 64 * 192 * 3**2
"""The weights of GoogLeNet's second and third convolution."""

BASIC = 3**2 * 64**2 * 56**2
"""A 3×3 convolution of ResNet: in each stage there are twice as many channels on both sides and a quarter of the
positions. The first of a stage has half as many channels to see."""
PROJECTION = 64 * 128 * 28**2
"""A shortcut that changes the shape, of 1×1 and in each stage the same."""
NARROW = 64**2 * 56**2
"""Bottlenecks of 1×1, 3×3 and 1×1 take 4 + 9 + 4 of these. The first of a network takes 1 + 9 + 4, and 4 for its
shortcut; the first of a later stage 2 + 9 + 4, and 8. With the stride in the 3×3 it is 8, not 2."""


def bottlenecks(count: int, halving: int) -> int:
    """Return the multiply-adds of ResNet-50 and its deeper kin; the paper gives 3.8, 7.6 and 11.3 billion."""
    return STEM + NARROW * (17 * (count - 4) + 18 + 3 * (halving + 9 + 4 + 8)) + 2048 * 1000


def wide(blocks: int, widening: int) -> int:
    """Return the multiply-adds of a wide residual network with so many blocks in each of its three stages."""
    channels = 16 * widening
    each = 3**2 * channels**2 * 32**2
    convolutions = 3 * (2 * blocks - 1) * each + each // widening + 2 * each // 2
    shortcuts = 16 * channels * 32**2 + 2 * (channels * 2 * channels * 16**2)
    return 3 * 16 * 3**2 * 32**2 + convolutions + shortcuts + 4 * channels * 10


def dense(channels: int, growth: int, counts: tuple[int, ...], size: int) -> int:
    """Return the multiply-adds of dense blocks, and of transitions between them, for maps of this size."""
    total = 0
    for stage, count in enumerate(counts):
        if stage:
            total += channels * (channels // 2) * size**2
            channels, size = channels // 2, size // 2
        for _ in range(count):
            total += (channels * 4 * growth + 3**2 * 4 * growth * growth) * size**2
            channels += growth
    return total


BRANCHES = {
    "googlenet": Facts(
        6_998_552,
        STEM + SECOND * 56**2 + inceptions(INCEPTIONS, (28, 14, 7)) + 1024 * 1000,
        width=0.25,
        size=(3, 32, 32),
        rate=0.0005,
    ),
    "googlenet_aux": Facts(
        13_378_280,
        STEM + SECOND * 56**2 + inceptions(INCEPTIONS, (28, 14, 7)) + 1024 * 1000,
        width=0.25,
        size=(3, 80, 80),
        rate=0.0005,
    ),
    "googlenet_torchvision": Facts(
        6_624_904,
        STEM + SECOND * 56**2 + inceptions(SMALLER, (28, 14, 7)) + 1024 * 1000,
        width=0.25,
        size=(3, 64, 64),
    ),
    "googlenet_d2l": Facts(
        5_977_530,
        1 * 64 * 7**2 * 48**2 + SECOND * 24**2 + inceptions(INCEPTIONS, (12, 6, 3)) + 1024 * 10,
        width=0.25,
        size=(1, 32, 32),
        rate=0.0005,
    ),
    # By hand: the kernels of table 1, but for the first, and a scale and a shift for each of 7,280 filters.
    "googlenet_32": Facts(
        3 * 64 * 3**2 + SECOND + sum(INCEPTIONS) + 2 * 7280 + 1025 * 10,
        (3 * 64 * 3**2 + SECOND) * 32**2 + inceptions(INCEPTIONS, (16, 8, 4)) + 1024 * 10,
        width=0.25,
    ),
    # The paper gives 1.8 and 3.6 billion multiply-adds.
    "resnet18": Facts(
        11_689_512, STEM + BASIC * 29 // 2 + 3 * PROJECTION + 512 * 1000, width=0.125, size=(3, 64, 64)
    ),
    "resnet34": Facts(
        21_797_672, STEM + BASIC * 61 // 2 + 3 * PROJECTION + 512 * 1000, width=0.125, size=(3, 64, 64)
    ),
    "resnet50": Facts(25_557_032, bottlenecks(16, halving=2), width=0.125, size=(3, 64, 64)),
    "resnet101": Facts(44_549_160, bottlenecks(33, halving=2), width=0.0625, size=(3, 64, 64)),
    "resnet152": Facts(60_192_808, bottlenecks(50, halving=2), width=0.0625, size=(3, 64, 64)),
    # Torchvision gives 4.09, 7.80 and 11.51 billion.
    "resnet50_torchvision": Facts(25_557_032, bottlenecks(16, halving=8), width=0.125, size=(3, 64, 64)),
    "resnet101_torchvision": Facts(44_549_160, bottlenecks(33, halving=8), width=0.0625, size=(3, 64, 64)),
    "resnet152_torchvision": Facts(60_192_808, bottlenecks(50, halving=8), width=0.0625, size=(3, 64, 64)),
    "resnet18_d2l": Facts(
        11_178_378, STEM // 3 + BASIC * 29 // 2 + 3 * PROJECTION + 512 * 10, width=0.125, size=(1, 64, 64)
    ),
    "resnet18_32": Facts(
        11_173_962,
        3 * 64 * 3**2 * 32**2 + (BASIC * 29 // 2 + 3 * PROJECTION) * 32**2 // 56**2 + 512 * 10,
        width=0.125,
    ),
    "wrn16_8": Facts(10_961_370, wide(2, 8), width=0.0625),
    "wrn40_4": Facts(8_949_210, wide(6, 4), width=0.125, size=(3, 16, 16)),
    "wrn28_10": Facts(36_479_194, wide(4, 10), width=0.05, size=(3, 16, 16)),
    # Torchvision gives 2.83 billion.
    "densenet121": Facts(
        7_978_856,
        STEM + dense(64, 32, (6, 12, 24, 16), 56) + 1024 * 1000,
        width=0.125,
        size=(3, 64, 64),
    ),
    "densenet_bc_100_12": Facts(
        769_162, 3 * 24 * 3**2 * 32**2 + dense(24, 12, (16, 16, 16), 32) + 342 * 10, width=0.34, size=(3, 16, 16)
    ),
}
