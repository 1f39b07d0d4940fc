"""The blocks that the architectures after LeNet are built of, as compositions of layers.

Shapes are those that "Dive into Deep Learning" (d2l.ai, version 1.0) prints for its networks, from the first stage
to the last; parameters are those that PyTorch counts in the book's networks.
"""

from __future__ import annotations

import numpy as np
import pytest

from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Parallel,
    ReLU,
    Residual,
    Sequential,
)
from deepen.paths import Shape
from deepen.spec import Layer, parameters
from harness import difference, random_inputs, run_numpy, run_torch


def conv(filters: int, size: int, stride: int = 1, padding: int = 0) -> Conv2D:
    return Conv2D(filters, size, stride, padding, activation="relu")


def vgg_block(convolutions: int, filters: int) -> Sequential:
    """Section 8.2: convolutions that keep the size, then a pooling that halves it."""
    return Sequential([*(conv(filters, 3, padding=1) for _ in range(convolutions)), MaxPooling2D(2)])


def nin_block(filters: int, size: int, stride: int, padding: int) -> Sequential:
    """Section 8.3: a convolution, then two dense layers over the channels of each pixel."""
    return Sequential([conv(filters, size, stride, padding), conv(filters, 1), conv(filters, 1)])


def inception(c1: int, c2: tuple[int, int], c3: tuple[int, int], c4: int) -> Parallel:
    """Section 8.4: four branches, side by side along the channels."""
    return Parallel(
        [
            conv(c1, 1),
            Sequential([conv(c2[0], 1), conv(c2[1], 3, padding=1)]),
            Sequential([conv(c3[0], 1), conv(c3[1], 5, padding=2)]),
            Sequential([MaxPooling2D(3, stride=1, padding=1), conv(c4, 1)]),
        ]
    )


def residual_block(filters: int, stride: int = 1, project: bool = False) -> Sequential:
    """Section 8.6: H(x) = F(x) + x, then ReLU; a 1×1 convolution takes x to another shape."""
    body = [
        Conv2D(filters, 3, stride, padding=1),
        BatchNormalization(),
        ReLU(),
        Conv2D(filters, 3, padding=1),
        BatchNormalization(),
    ]
    return Sequential([Residual(Sequential(body), Conv2D(filters, 1, stride) if project else None), ReLU()])


def halved() -> MaxPooling2D:
    return MaxPooling2D(3, stride=2, padding=1)


VGG_11 = [
    vgg_block(1, 64),
    vgg_block(1, 128),
    vgg_block(2, 256),
    vgg_block(2, 512),
    vgg_block(2, 512),
    Sequential([Flatten(), Dense(4096), Dense(4096), Dense(10)]),
]
NIN = [
    nin_block(96, 11, 4, 0),
    MaxPooling2D(3, 2),
    nin_block(256, 5, 1, 2),
    MaxPooling2D(3, 2),
    nin_block(384, 3, 1, 1),
    MaxPooling2D(3, 2),
    nin_block(10, 3, 1, 1),
    GlobalAveragePooling2D(),
]
GOOGLENET = [
    Sequential([conv(64, 7, 2, 3), halved()]),
    Sequential([conv(64, 1), conv(192, 3, padding=1), halved()]),
    Sequential([inception(64, (96, 128), (16, 32), 32), inception(128, (128, 192), (32, 96), 64), halved()]),
    Sequential(
        [
            inception(192, (96, 208), (16, 48), 64),
            inception(160, (112, 224), (24, 64), 64),
            inception(128, (128, 256), (24, 64), 64),
            inception(112, (144, 288), (32, 64), 64),
            inception(256, (160, 320), (32, 128), 128),
            halved(),
        ]
    ),
    Sequential(
        [
            inception(256, (160, 320), (32, 128), 128),
            inception(384, (192, 384), (48, 128), 128),
            GlobalAveragePooling2D(),
        ]
    ),
    Dense(10),
]
RESNET_18 = [
    Sequential([Conv2D(64, 7, 2, 3), BatchNormalization(), ReLU(), halved()]),
    Sequential([residual_block(64), residual_block(64)]),
    Sequential([residual_block(128, 2, project=True), residual_block(128)]),
    Sequential([residual_block(256, 2, project=True), residual_block(256)]),
    Sequential([residual_block(512, 2, project=True), residual_block(512)]),
    Sequential([GlobalAveragePooling2D(), Dense(10)]),
]


@pytest.mark.parametrize(
    ("stages", "size", "printed", "count"),
    [
        pytest.param(
            VGG_11,
            224,
            [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7), (10,)],
            128_806_154,
            id="VGG-11",
        ),
        pytest.param(
            NIN,
            224,
            [
                (96, 54, 54),
                (96, 26, 26),
                (256, 26, 26),
                (256, 12, 12),
                (384, 12, 12),
                (384, 5, 5),
                (10, 5, 5),
                (10,),
            ],
            1_992_166,
            id="NiN",
        ),
        pytest.param(
            GOOGLENET,
            96,
            [(64, 24, 24), (192, 12, 12), (480, 6, 6), (832, 3, 3), (1024,), (10,)],
            5_977_530,
            id="GoogLeNet",
        ),
        pytest.param(
            RESNET_18,
            96,
            [(64, 24, 24), (64, 24, 24), (128, 12, 12), (256, 6, 6), (512, 3, 3), (10,)],
            11_178_378,
            id="ResNet-18",
        ),
    ],
)
def test_d2l_stages(stages: list[Layer], size: int, printed: list[Shape], count: int) -> None:
    """Sections 8.2 to 8.4 and 8.6."""
    shape: Shape = (1, size, size)
    shapes, total = [], 0
    for stage in stages:
        total += sum(p.size for p in parameters(stage, shape).values())
        shape = stage.output_shape(shape)
        shapes.append(shape)
    assert shapes == printed
    assert total == count


@pytest.mark.parametrize(
    ("block", "input_shape", "printed"),
    [
        (inception(64, (96, 128), (16, 32), 32), (192, 12, 12), (256, 12, 12)),
        (residual_block(3), (3, 6, 6), (3, 6, 6)),
        (residual_block(6, 2, project=True), (3, 6, 6), (6, 3, 3)),
    ],
    ids=["inception", "residual", "residual projected"],
)
def test_d2l_blocks(block: Layer, input_shape: Shape, printed: Shape) -> None:
    """Sections 8.4 and 8.6."""
    assert block.output_shape(input_shape) == printed


@pytest.mark.parametrize(
    "block",
    [
        vgg_block(2, 3),
        nin_block(3, 3, 2, 1),
        inception(2, (2, 3), (1, 2), 2),
        residual_block(2),
        residual_block(3, 2, project=True),
    ],
    ids=["VGG", "NiN", "Inception", "residual", "residual projected"],
)
def test_engines_agree_on_blocks(block: Layer) -> None:
    given = random_inputs(block, (2, 6, 6))
    ours, theirs = run_numpy(block, given, training=True), run_torch(block, given, training=True)
    assert difference(ours.y, theirs.y) < 1e-10
    assert difference(ours.dx, theirs.dx) < 1e-10
    assert ours.gradients.keys() == theirs.gradients.keys()
    largest = max(abs(gradient).max() for gradient in ours.gradients.values())
    for path, gradient in ours.gradients.items():
        # A bias before batch normalization has gradient 0, and rounding beside it.
        assert abs(gradient - theirs.gradients[path]).max() < 1e-10 * largest, path


def test_a_residual_block_that_has_learned_nothing_passes_its_input_on() -> None:
    """H(x) = x where F(x) = 0: more layers need not make a network worse."""
    block, x = Residual(Conv2D(2, 3, padding=1)), np.random.default_rng(0).standard_normal((1, 2, 4, 4))
    given = random_inputs(block, (2, 4, 4), batch=1)
    given.x, given.parameters = x, {path: np.zeros_like(array) for path, array in given.parameters.items()}
    assert (run_numpy(block, given, training=True).y == x).all()
