"""Small networks of all shapes, and of all neighbours that one kernel computes together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deepen.engines import Setup
from deepen.groups import Group
from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    ChannelPadding,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    MinPooling2D,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    SideOutput,
    Sigmoid,
    SumPooling2D,
)
from deepen.losses import MeanSquaredError
from deepen.paths import Shape
from deepen.regularizers import L2
from deepen.spec import Layer

Draw = np.random.Generator
Made = tuple[list[Layer], Shape]
"""Layers and the shape of their images."""


def _channels(rng: Draw) -> int:
    """Return a number of channels: often one that fills vectors, or one more or less."""
    return int(rng.choice([1, 2, 3, 7, 8, 15, 16, 17, 24, 31, 32, 33, 40]))


def _sizes(rng: Draw, least: tuple[int, int], more: int = 8) -> tuple[int, int]:
    height, width = (int(rng.integers(max(1, size), size + more + 1)) for size in least)
    return height, width


def convolution(rng: Draw) -> Made:
    """A convolution of any kind, as the first layer or behind another one."""
    groups = int(rng.choice([1, 1, 1, 1, 2, 3, 8]))
    channels, filters = (-(-_channels(rng) // groups) * groups for _ in range(2))
    kernel = int(rng.integers(1, 8)), int(rng.integers(1, 8))
    if rng.random() < 0.4:
        kernel = 3, 3
    stride, dilation = ((int(a), int(b)) for a, b in (rng.choice([1, 1, 2, 3], 2), rng.choice([1, 1, 1, 2], 2)))
    if rng.random() < 0.5:
        stride = dilation = (1, 1)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = "same" if rng.random() < 0.3 else (int(rng.integers(0, kernel[0])), int(rng.integers(0, kernel[1])))
    activation = [None, "relu", "relu", "tanh"][rng.integers(4)]
    bias = bool(rng.random() < 0.7)
    layer = Conv2D(filters, kernel, stride, padding, activation, use_bias=bias, dilation=dilation, groups=groups)
    before = [Sigmoid()] if rng.random() < 0.4 else []
    return [*before, layer], (channels, *_sizes(rng, (extent[0], extent[1])))


def pooling(rng: Draw) -> Made:
    """Any pooling, of the images themselves or behind another layer."""
    kind = [MaxPooling2D, MinPooling2D, AveragePooling2D, SumPooling2D][rng.integers(4)]
    size = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    padding = min(size) // 2 if rng.random() < 0.5 else 0
    layer = kind(size, stride, padding, ceil_mode=bool(rng.random() < 0.5))
    return [*([Sigmoid()] if rng.random() < 0.5 else []), layer], (_channels(rng), *_sizes(rng, size))


def dense(rng: Draw) -> Made:
    """A dense layer of features or of maps, flattened."""
    units, activation = int(rng.integers(1, 100)), [None, "relu", "sigmoid"][rng.integers(3)]
    layer = Dense(units, activation, use_bias=bool(rng.random() < 0.7))
    if rng.random() < 0.5:
        return [layer], (int(rng.integers(1, 300)),)
    return [Sigmoid(), Flatten(), layer], (_channels(rng), *_sizes(rng, (1, 1), 6))


def pooled(rng: Draw) -> Made:
    """A convolution with ReLU, whose maps are pooled by 2×2."""
    kernel = int(rng.choice([1, 3, 3, 3, 5]))
    shape = (_channels(rng), *_sizes(rng, (kernel + 1, kernel + 1), 12))
    before = [Conv2D(_channels(rng), 1)] if rng.random() < 0.5 else []
    padding = int(rng.integers(0, kernel))
    activation = "relu" if rng.random() < 0.8 else None
    layer = Conv2D(_channels(rng), kernel, 1, padding, activation, use_bias=bool(rng.random() < 0.7))
    return [*before, layer, MaxPooling2D(2)], shape


def normalized(rng: Draw) -> Made:
    """Convolution, batch normalization and ReLU, and what may come next."""
    following = [[], [MaxPooling2D(2)], [Conv2D(_channels(rng), 3, padding=1)], [GlobalAveragePooling2D()]]
    layers = [Conv2D(_channels(rng), 3, padding=1, use_bias=False), BatchNormalization(), ReLU()]
    return [*layers, *following[rng.integers(4)]], (_channels(rng), *_sizes(rng, (2, 2)))


def residual(rng: Draw) -> Made:
    """A residual block with one of the three shortcuts, before or after activation."""
    width, stride = _channels(rng), int(rng.integers(1, 3))
    filters = width + int(rng.integers(0, 9))
    shortcuts = [
        Sequential([MaxPooling2D(1, stride), ChannelPadding(filters)]),
        Sequential([Conv2D(filters, 1, stride, use_bias=False), BatchNormalization()]),
        Conv2D(filters, 1, stride),
    ]
    shortcut: Layer | None = shortcuts[rng.integers(3)]
    if rng.random() < 0.4:
        filters, stride, shortcut = width, 1, None
    body: list[Layer] = [Conv2D(filters, 3, stride, padding=1, use_bias=False), BatchNormalization(), ReLU()]
    if rng.random() < 0.5:
        body += [Conv2D(filters, 3, padding=1, use_bias=False), BatchNormalization()]
    after: list[Layer] = [ReLU()] if rng.random() < 0.7 else []
    return [Conv2D(width, 1), Residual(Sequential(body), shortcut), *after], (3, *_sizes(rng, (3, 3)))


def branches(rng: Draw) -> Made:
    """Branches side by side, of any number of channels, of which one may be the input itself."""
    some: list[Layer] = [
        Conv2D(_channels(rng), 1, activation="relu"),
        Sequential([MaxPooling2D(3, 1, 1), Conv2D(_channels(rng), 1)]),
        Sequential(),
        Conv2D(_channels(rng), 3, padding=1),
        Sequential([Conv2D(_channels(rng), 1), BatchNormalization(), ReLU()]),
    ]
    chosen = [some[i] for i in rng.permutation(5)[: rng.integers(2, 5)]]
    before = [Conv2D(_channels(rng), 1, activation="relu")] if rng.random() < 0.5 else []
    after = [[], [Conv2D(5, 3)], [Parallel([Sequential(), Sigmoid()])]][rng.integers(3)]
    return [*before, Parallel(chosen), *after], (_channels(rng), *_sizes(rng, (3, 3), 5))


KINDS: dict[str, tuple[Callable[[Draw], Made], int]] = {
    "convolution": (convolution, 8),
    "pooling": (pooling, 4),
    "dense": (dense, 2),
    "pooled": (pooled, 4),
    "normalized": (normalized, 2),
    "residual": (residual, 2),
    "branches": (branches, 2),
}
"""What is drawn, and how many of each."""


def drawn(seed: int, dtype: str = "float64") -> dict[str, Setup]:
    """Return networks of all kinds, the same for the same seed."""
    found = {}
    for kind, (make, count) in KINDS.items():
        for number in range(count):
            layers, shape = make(np.random.default_rng([seed, number, *kind.encode()]))
            found[f"{kind}{number}"] = setup(layers, shape, dtype)
    return found


def setup(layers: list[Layer], shape: Shape, dtype: str = "float64", groups: tuple[Group, ...] = ()) -> Setup:
    """Return what trains these layers, whose outputs are compared with targets as they are."""
    return Setup(Sequential([*layers, Flatten()]), shape, MeanSquaredError(), seed=7, dtype=dtype, groups=groups)


_HEAD = Sequential([Conv2D(2, 1, activation="relu"), Flatten(), Dense(3)])
_NORMALIZED = Sequential([Conv2D(5, 3, padding=1), BatchNormalization()])
_END: list[Layer] = [Flatten(), Dense(3)]

SPECIAL: dict[str, tuple[list[Layer], Shape, tuple[Group, ...]]] = {
    "normalized_images": ([BatchNormalization(), ReLU()], (3, 5, 4), ()),
    "normalized_features": ([Dense(9), BatchNormalization(), ReLU(), Dense(4)], (6,), ()),
    "twice_the_same": ([Conv2D(4, 3), Parallel([Sequential(), Sequential()], merge="add")], (2, 5, 4), ()),
    "twice_side_by_side": ([Conv2D(3, 3), Parallel([Sequential(), Sequential()])], (2, 5, 4), ()),
    "images_added": ([Residual(Conv2D(3, 3, padding=1)), ReLU()], (3, 4, 5), ()),
    "images_side_by_side": ([Parallel([Sequential(), Conv2D(2, 1)]), Conv2D(4, 3)], (1, 4, 5), ()),
    "added_to_its_normalization": ([Conv2D(5, 1), Residual(BatchNormalization()), ReLU()], (2, 4, 4), ()),
    "both_normalized": ([Residual(_NORMALIZED, _NORMALIZED), ReLU(), Conv2D(2, 1)], (3, 4, 4), ()),
    "normalization_read_twice": (
        [Conv2D(5, 1), BatchNormalization(), Residual(Conv2D(5, 3, padding=1)), ReLU()],
        (2, 4, 4),
        (),
    ),
    "relu_read_twice": ([Conv2D(5, 3, activation="relu"), Residual(Conv2D(5, 1)), MaxPooling2D(2)], (2, 6, 6), ()),
    "nested": (
        [Residual(Sequential([Residual(_NORMALIZED), ReLU(), Residual(Conv2D(5, 1)), BatchNormalization()]))],
        (5, 4, 3),
        (),
    ),
    "three_added": (
        [Parallel([Conv2D(4, 1), Conv2D(4, 3, padding=1), Sequential([Conv2D(4, 1), ReLU()])], "add"), ReLU()],
        (2, 3, 3),
        (),
    ),
    "branches_in_branches": (
        [Parallel([Conv2D(3, 1), Parallel([Conv2D(1, 1), Sequential()])]), Conv2D(2, 2)],
        (2, 4, 4),
        (),
    ),
    "one_branch": ([Parallel([Conv2D(3, 1)]), ReLU()], (2, 3, 3), ()),
    "features_side_by_side": ([Flatten(), Parallel([Dense(17, "relu"), Sequential(), Dense(1)])], (3, 3, 2), ()),
    "flattened_twice": (
        [Conv2D(3, 1), Parallel([Sequential(_END), Sequential([Flatten(), Dense(5)])])],
        (2, 3, 3),
        (),
    ),
    "side_in_the_middle": (
        [Conv2D(6, 3, activation="relu"), SideOutput(_HEAD, 0.3), MaxPooling2D(2), *_END],
        (2, 8, 8),
        (),
    ),
    "sides": (
        [
            Conv2D(4, 3, padding=1),
            BatchNormalization(),
            SideOutput(_HEAD, 0.3),
            ReLU(),
            SideOutput(_HEAD, 0.7),
            Residual(Sequential([Conv2D(4, 3, padding=1), Dropout(0.3)])),
            *_END,
        ],
        (2, 4, 4),
        (),
    ),
    "side_of_images": ([SideOutput(_HEAD, 0.5), Conv2D(4, 2), *_END], (2, 4, 4), ()),
    "activity_behind_relu": (
        [Conv2D(4, 3, activation="relu", activity_regularizer=L2(0.4)), MaxPooling2D(2)],
        (2, 6, 6),
        (),
    ),
    "frozen_beginning": (
        [Conv2D(4, 3), BatchNormalization(), ReLU(), Dropout(0.3), Conv2D(3, 2), BatchNormalization()],
        (2, 6, 5),
        (Group("conv1", 0), Group("norm1", 0)),
    ),
    "frozen_middle": (
        [Conv2D(4, 3), Residual(Sequential([Conv2D(4, 3, padding=1), BatchNormalization()])), ReLU(), *_END],
        (2, 6, 5),
        (Group("residual1", 0),),
    ),
    "frozen_bias": ([Conv2D(4, 3), ReLU(), *_END], (2, 5, 5), (Group("conv1.bias", 0), Group("dense1.kernel", 0))),
    "frozen_scale": ([Conv2D(4, 3), BatchNormalization(), *_END], (2, 5, 5), (Group("*.gamma", 0),)),
    "names_of_the_program": (
        [
            Conv2D(4, 3, name="train"),
            ReLU(name="double"),
            Conv2D(3, 1, activity_regularizer="l1", name="l1"),
            BatchNormalization(name="pass"),
            Conv2D(3, 1, name="größe"),
            Conv2D(3, 1, name="run"),
            Residual(Conv2D(3, 1), name="stage1"),
            Conv2D(3, 1, name="map"),
        ],
        (2, 4, 4),
        (),
    ),
}


def special(dtype: str = "float64") -> dict[str, Setup]:
    """Return networks whose values are read, added or frozen in ways that call for care."""
    return {name: setup(layers, shape, dtype, groups) for name, (layers, shape, groups) in SPECIAL.items()}
