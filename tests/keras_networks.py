"""Networks here that are those of `keras_models`, with arrays for them."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.layers import (
    ELU,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    LeakyReLU,
    MaxPooling2D,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    ZeroPadding2D,
)
from deepen.models import build
from deepen.paths import Shape
from deepen.spec import Layer
from harness import random_inputs


def varied() -> Layer:
    return Sequential(
        [
            Conv2D(8, 3, stride=2, padding="same", groups=2, use_bias=False),
            BatchNormalization(epsilon=1e-3),
            ELU(),
            Conv2D(16, 3, padding="same", groups=8, activation="tanh"),
            AveragePooling2D(2, padding="same"),
            GroupNormalization(4, epsilon=1e-3),
            ZeroPadding2D(((1, 0), (2, 1))),
            Conv2D(6, (2, 3), dilation=(1, 2), activation="gelu"),
            MaxPooling2D(2, stride=1, padding="same"),
            LeakyReLU(0.1),
            Flatten(),
            Dropout(0.25),
            BatchNormalization(epsilon=1e-5),
            Sigmoid(),
            Dense(7, activation="relu"),
            Dense(3),
        ]
    )


def nested() -> Layer:
    stage = Sequential([Conv2D(3, 3), Conv2D(4, 2, activation="relu")], name="stage")
    return Sequential([Conv2D(2, 1), stage, Flatten(), Dense(3)])


def branched(classes: int = 5) -> Layer:
    body = Sequential(
        [
            Conv2D(4, 3, stride=2, padding="same", activation="relu"),
            Conv2D(4, 3, padding=1),
            BatchNormalization(),
        ]
    )
    branches = [
        Conv2D(2, 1),
        Sequential([Conv2D(2, 1), Conv2D(3, 3, padding=1)]),
        Sequential([MaxPooling2D(3, 1, 1), Conv2D(2, 1)]),
    ]
    return Sequential(
        [
            Residual(body, Conv2D(4, 1, stride=2)),
            ReLU(),
            Parallel(branches),
            Flatten(),
            Dropout(0.1),
            Dense(classes),
        ]
    )


def added(first: Layer, second: Layer) -> Layer:
    return Sequential([Parallel([first, second], merge="add"), GlobalMaxPooling2D(), Dense(2)])


NETWORKS: dict[str, tuple[Layer, Shape]] = {
    "mnist": (build("keras_mnist"), (1, 28, 28)),
    "varied": (varied(), (4, 13, 10)),
    "pooled": (
        Sequential([Conv2D(4, 3, activation="relu"), GlobalAveragePooling2D(), *(Dense(4) for _ in range(11))]),
        (2, 6, 5),
    ),
    "nested": (nested(), (2, 7, 6)),
    "branched": (branched(), (3, 9, 8)),
    "distinct": (added(Conv2D(3, 3, padding=1), Conv2D(3, 1)), (2, 6, 6)),
    "padded": (
        Sequential(
            [
                Conv2D(4, 3, stride=2, padding=1, activation="relu"),
                MaxPooling2D(3, stride=2, padding=1),
                GlobalAveragePooling2D(),
                Dense(3),
            ]
        ),
        (3, 9, 8),
    ),
    "twins": (added(Conv2D(3, 3), Conv2D(3, 3)), (2, 6, 6)),
}
CHAINS = ["mnist", "varied", "pooled", "nested"]


def arrays_of(network: Layer, input_shape: Shape) -> dict[str, Array]:
    inputs = random_inputs(network, input_shape, dtype="float32")
    return {**inputs.parameters, **inputs.statistics}


def assert_equal(found: dict[str, Array], expected: dict[str, Array]) -> None:
    assert set(found) == set(expected)
    for path, array in expected.items():
        np.testing.assert_array_equal(found[path], array, err_msg=path)
        assert found[path].dtype == array.dtype
