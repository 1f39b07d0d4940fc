"""Networks that tests train: each small, together using everything."""

from __future__ import annotations

from deepen.constraints import MaxNorm
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
    SideOutput,
)
from deepen.regularizers import L1, L2
from deepen.spec import Layer


def plain() -> Layer:
    """Like the textbook's networks."""
    return Sequential(
        [
            Conv2D(4, 3, padding=1, activation="relu"),
            MaxPooling2D(2),
            Conv2D(6, 3, activation="sigmoid", kernel_initializer="glorot_uniform"),
            AveragePooling2D(2),
            Flatten(),
            Dense(8, activation="relu"),
            Dropout(0.4),
            Dense(5, activation="softmax", kernel_initializer="xavier_normal"),
        ]
    )


def graph() -> Layer:
    """With batch normalization, residuals and branches."""
    block = Sequential(
        [
            Conv2D(6, 3, stride=2, padding=1, use_bias=False),
            BatchNormalization(),
            ReLU(),
            Conv2D(6, 3, padding="same", use_bias=False, name="last"),
            BatchNormalization(),
        ]
    )
    return Sequential(
        [
            Normalize(0.5, 0.25),
            Conv2D(4, 3, padding=1),
            Residual(block, Conv2D(6, 1, stride=2), name="block"),
            ReLU(),
            Parallel([Conv2D(3, 1, activation="relu"), Sequential([MaxPooling2D(3, 1, 1), Conv2D(2, 1)])]),
            Dropout(0.2),
            Flatten(),
            Dense(5),
        ],
        name="graph",
    )


def penalized() -> Layer:
    """With everything that adds to the loss or holds weights down."""
    head = Sequential([Conv2D(3, 1, activation="relu"), Flatten(), Dense(5, activation="softmax")])
    return Sequential(
        [
            Conv2D(4, 3, activation="relu", kernel_regularizer=L2(0.003), kernel_constraint=MaxNorm(1.5)),
            BatchNormalization(),
            SideOutput(head, weight=0.4, name="side"),
            Conv2D(5, 3, stride=2, activation="sigmoid", activity_regularizer=L1(0.001), bias_regularizer="l2"),
            Flatten(),
            Dense(5, kernel_regularizer=L1(0.0003), bias_constraint=MaxNorm(0.1)),
        ],
        name="penalized",
    )


NETWORKS = {"plain": plain(), "graph": graph(), "penalized": penalized()}
INPUT_SHAPE = (2, 10, 10)
CLASSES = 5
