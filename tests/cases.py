"""One row for each form of each layer; the row drives every test that a layer has to pass."""

from __future__ import annotations

from case import Case
from cases_geometry import CASES_GEOMETRY
from cases_objective import CASES_OBJECTIVE
from cases_pointwise import CASES_POINTWISE
from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    Normalize,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
)

_CORE = {
    "conv": Case(Conv2D(4, 3), (2, 6, 5), (4, 4, 3), (72,), "expects maps"),
    "conv 1x1": Case(Conv2D(3, 1), (4, 3, 3), (3, 3, 3), (72,), "before Flatten"),
    "conv padded": Case(Conv2D(3, 3, padding=2), (2, 4, 4), (3, 6, 6), (72,), "expects maps"),
    "conv strided": Case(
        Conv2D(3, (3, 2), stride=(2, 1), padding=(1, 0)), (2, 7, 5), (3, 4, 4), (2, 1, 1), "window"
    ),
    "conv stride leaves a rest": Case(Conv2D(2, 3, stride=3), (1, 8, 7), (2, 2, 2), (1, 2, 2), "3×3"),
    "conv same even kernel": Case(Conv2D(2, 4, padding="same"), (2, 5, 6), (2, 5, 6), (72,), "expects maps"),
    "conv same strided": Case(Conv2D(2, 3, stride=2, padding="same"), (2, 6, 7), (2, 3, 4), (72,), "maps"),
    "conv relu": Case(Conv2D(4, 3, padding=1, activation="relu"), (2, 5, 5), (4, 5, 5), (72,), "maps"),
    "conv sigmoid": Case(Conv2D(2, 2, activation="sigmoid"), (2, 3, 3), (2, 2, 2), (2, 1, 1), "2×2"),
    "conv no bias": Case(Conv2D(3, 3, use_bias=False, padding="valid"), (2, 5, 5), (3, 3, 3), (2, 2, 5), "3×3"),
    "max pool": Case(MaxPooling2D(2), (3, 6, 4), (3, 3, 2), (3, 1, 4), "2×2"),
    "max pool odd": Case(MaxPooling2D(2), (2, 5, 7), (2, 2, 3), (24,), "maps"),
    "max pool overlapping": Case(MaxPooling2D(3, stride=2, padding=1), (2, 7, 6), (2, 4, 3), (24,), "maps"),
    "max pool same": Case(MaxPooling2D(2, stride=2, padding="same"), (2, 5, 5), (2, 3, 3), (24,), "maps"),
    "max pool deep padding": Case(MaxPooling2D(3, stride=1, padding=2), (2, 4, 4), (2, 6, 6), (24,), "maps"),
    "max pool oblong": Case(MaxPooling2D((1, 3), stride=(2, 1)), (2, 5, 5), (2, 3, 3), (2, 5, 2), "1×3"),
    "average pool": Case(AveragePooling2D(2), (3, 6, 4), (3, 3, 2), (3, 1, 4), "2×2"),
    "average pool padded": Case(AveragePooling2D(3, stride=2, padding=1), (2, 7, 6), (2, 4, 3), (24,), "maps"),
    "average pool same": Case(AveragePooling2D(2, stride=2, padding="same"), (2, 5, 5), (2, 3, 3), (24,), "maps"),
    "dense": Case(Dense(4), (5,), (4,), (2, 3, 3), "put Flatten before it"),
    "dense relu": Case(Dense(4, activation="relu"), (5,), (4,), (2, 3, 3), "Flatten"),
    "dense softmax": Case(Dense(4, activation="softmax"), (5,), (4,), (2, 3, 3), "Flatten"),
    "dense no bias": Case(Dense(3, activation="sigmoid", use_bias=False), (5,), (3,), (2, 3, 3), "Flatten"),
    "flatten": Case(Flatten(), (2, 3, 4), (24,)),
    "relu": Case(ReLU(), (2, 3, 4), (2, 3, 4)),
    "sigmoid": Case(Sigmoid(), (6,), (6,)),
    "softmax": Case(Softmax(), (6,), (6,)),
    "softmax of maps": Case(Softmax(), (4, 2, 3), (4, 2, 3)),
    "dropout": Case(Dropout(0.4), (2, 3, 4), (2, 3, 4)),
    "dropout of features": Case(Dropout(0.5), (7,), (7,)),
    "dropout off": Case(Dropout(0), (7,), (7,)),
    "normalize": Case(Normalize(0.3, 0.5), (2, 3, 3), (2, 3, 3)),
    "normalize channels": Case(Normalize((0.3, 0.1), (0.5, 2)), (2, 3, 3), (2, 3, 3), (3, 3, 3), "has 2 means"),
    "batch normalization": Case(BatchNormalization(), (3, 4, 2), (3, 4, 2)),
    "batch normalization of features": Case(BatchNormalization(momentum=0.7, epsilon=1e-3), (5,), (5,)),
    "sequential": Case(
        Sequential([Conv2D(3, 3, use_bias=False), BatchNormalization(), ReLU(), Flatten(), Dense(2)]),
        (2, 5, 5),
        (2,),
        (2, 2, 2),
        "conv1 cannot fit",
    ),
    "empty sequential": Case(Sequential(), (2, 3), (2, 3)),
    "residual": Case(Residual(Conv2D(2, 3, padding=1)), (2, 4, 4), (2, 4, 4), (3, 4, 4), "1×1 Conv2D"),
    "residual with shortcut": Case(
        Residual(
            Sequential([Conv2D(4, 3, stride=2, padding=1, activation="relu"), Conv2D(4, 3, padding=1)]),
            Conv2D(4, 1, stride=2),
        ),
        (2, 5, 5),
        (4, 3, 3),
        (72,),
        "conv1 expects maps",
    ),
    "residual inside residual": Case(Residual(Sequential([Residual(ReLU()), Dropout(0.3)])), (2, 3, 3), (2, 3, 3)),
    "parallel": Case(
        Parallel([Conv2D(2, 1), Sequential([MaxPooling2D(3, 1, 1), Conv2D(3, 1)]), Conv2D(1, 3, padding=1)]),
        (2, 4, 4),
        (6, 4, 4),
        (72,),
        "branch1 expects maps",
    ),
    "parallel of features": Case(Parallel([Dense(2), Sequential(), Dense(3)]), (4,), (9,), (2, 2, 2), "branch1"),
    "parallel add": Case(
        Parallel([Conv2D(2, 1), Sequential(), Dropout(0.3)], merge="add"),
        (2, 4, 4),
        (2, 4, 4),
        (3, 4, 4),
        "make their shape the same",
    ),
}

CASES = _CORE | CASES_GEOMETRY | CASES_OBJECTIVE | CASES_POINTWISE
