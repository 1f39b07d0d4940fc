"""LeNet-5 as it was in 1998: a table of connections, pooling that learns, and pictures of digits as codes."""

from __future__ import annotations

from deepen.layers import (
    RBF,
    Conv2D,
    Dense,
    Flatten,
    Normalize,
    PartialConv2D,
    Sequential,
    TrainablePooling2D,
    ZeroPadding2D,
)
from deepen.layers.lenet5 import DigitCodes, FanInUniform, Signs
from deepen.layers.partial_conv import C3_CONNECTIONS, Connections
from deepen.models.registry import Accuracy, model, scaled
from deepen.spec import Layer

CODE = 7 * 12
"""The units of F6 are the pixels of a code, whatever the width."""


@model(
    "lenet5",
    title="LeNet-5",
    year=1998,
    input_shape=(1, 32, 32),
    reported=Accuracy(99.05, "MNIST"),
    loss="lenet5",
)
def lenet5(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network: 60,000 trainable parameters and 840 fixed codes for 1×32×32 and ten classes.

        C1 156 · S2 12 · C3 1,516 · S4 32 · C5 48,120 · F6 10,164

    Pictures are white (−0.1) where they are 0 and black (1.175) where they are 1, so that inputs have about mean 0
    and variance 1. Every layer but the last ends in the squashing function 1.7159 · tanh(2x/3). Outputs are
    negated distances from the codes, which are pictures of the ten digits; its loss is "lenet5".

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, sections II.B and II.C;
    first weights are of appendix A. Changed since: biases start at 0 and poolings as means; another number of
    classes has random codes, and of another width C3 sees what lies at the same place, by `connections`.
    """
    return Sequential(_layers(classes, width))


@model(
    "lenet5_28",
    title="LeNet-5 for 28×28",
    year=1998,
    input_shape=(1, 28, 28),
    reported=Accuracy(99.05, "MNIST"),
    loss="lenet5",
)
def lenet5_28(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make LeNet-5 for pictures of 28×28: two white pixels on each side come first, then all of `lenet5`.

    The paper's own pictures of 32×32 are such ones (section III.A).
    """
    return Sequential([ZeroPadding2D(2), *_layers(classes, width)])


def _layers(classes: int, width: float) -> list[Layer]:
    maps = scaled(6, width)
    table = connections(scaled(16, width), maps)
    start, squash = FanInUniform(), "scaled_tanh"
    return [
        Normalize(mean=0.1 / 1.275, std=1 / 1.275),
        Conv2D(maps, 5, activation=squash, kernel_initializer=start, name="c1"),
        TrainablePooling2D(2, activation=squash, name="s2"),
        PartialConv2D(table, 5, activation=squash, kernel_initializer=start, name="c3"),
        TrainablePooling2D(2, activation=squash, name="s4"),
        Conv2D(scaled(120, width), 5, activation=squash, kernel_initializer=start, name="c5"),
        Flatten(),
        Dense(CODE, activation=squash, kernel_initializer=start, name="f6"),
        RBF(classes, codes_initializer=DigitCodes() if classes == 10 else Signs()),
    ]


def connections(filters: int, maps: int) -> Connections:
    """Return table I of the paper for another number of filters in C3, and of maps in S2 that they see.

    Filter f stands for the paper's filter ⌊f · 16 / filters⌋. Map m takes the place from m / maps up to
    (m + 1) / maps, and is seen where that overlaps with the place of one of the six maps that the paper's filter
    sees: in twice the width two maps stand for one, in half of it one for two.
    """
    return tuple(
        tuple(m for m in range(maps) if any(p * maps < (m + 1) * 6 and m * 6 < (p + 1) * maps for p in seen))
        for seen in (C3_CONNECTIONS[f * len(C3_CONNECTIONS) // filters] for f in range(filters))
    )
