"""The blocks that the architectures after LeNet are built of."""

from __future__ import annotations

import numpy as np
import pytest

from deepen import models
from deepen.layers import Conv2D, Residual
from deepen.paths import Shape
from harness import random_inputs, run_numpy


@pytest.mark.parametrize(
    ("name", "size", "printed"),
    [
        (
            "vgg11",
            224,
            {
                "stage1": (64, 112, 112),
                "stage2": (128, 56, 56),
                "stage3": (256, 28, 28),
                "stage4": (512, 14, 14),
                "stage5": (512, 7, 7),
                "dense3": (10,),
            },
        ),
        (
            "nin",
            224,
            {
                "conv3": (96, 54, 54),
                "pool1": (96, 26, 26),
                "conv6": (256, 26, 26),
                "pool2": (256, 12, 12),
                "conv9": (384, 12, 12),
                "pool3": (384, 5, 5),
                "conv12": (10, 5, 5),
                "pool4": (10,),
            },
        ),
        (
            "googlenet_d2l",
            96,
            {
                "pool1": (64, 24, 24),
                "pool2": (192, 12, 12),
                "pool3": (480, 6, 6),
                "pool4": (832, 3, 3),
                "pool5": (1024,),
                "dense1": (10,),
            },
        ),
        (
            "resnet18_d2l",
            96,
            {
                "pool1": (64, 24, 24),
                "stage1": (64, 24, 24),
                "stage2": (128, 12, 12),
                "stage3": (256, 6, 6),
                "stage4": (512, 3, 3),
                "dense1": (10,),
            },
        ),
    ],
)
def test_d2l_stages(name: str, size: int, printed: dict[str, Shape]) -> None:
    """Shapes that "Dive into Deep Learning" (d2l.ai, version 1.0) prints in sections 8.2 to 8.4 and 8.6."""
    found = {child.name: child.output_shape for child in models.build(name, 10).children((1, size, size))}
    assert {part: found[part] for part in printed} == printed


def test_a_residual_block_that_has_learned_nothing_passes_its_input_on() -> None:
    """H(x) = x where F(x) = 0: more layers need not make a network worse."""
    block, x = Residual(Conv2D(2, 3, padding=1)), np.random.default_rng(0).standard_normal((1, 2, 4, 4))
    given = random_inputs(block, (2, 4, 4), batch=1)
    given.x, given.parameters = x, {path: np.zeros_like(array) for path, array in given.parameters.items()}
    assert (run_numpy(block, given, training=True).y == x).all()
