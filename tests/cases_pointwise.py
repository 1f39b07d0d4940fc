"""Rows of the case table: activations, normalizations and dropout."""

from __future__ import annotations

from case import Case
from deepen.layers import (
    ELU,
    GELU,
    Conv2D,
    Dense,
    GroupNormalization,
    LeakyReLU,
    LocalResponseNormalization,
    Normalize,
    OriginalDropout,
    ScaledTanh,
    Sequential,
    Tanh,
)

CASES_POINTWISE = {
    "leaky relu": Case(LeakyReLU(), (2, 3, 4), (2, 3, 4)),
    "leaky relu steep": Case(LeakyReLU(slope=1.5), (6,), (6,)),
    "leaky relu without slope": Case(LeakyReLU(0), (6,), (6,)),
    "elu": Case(ELU(), (2, 3, 4), (2, 3, 4)),
    "elu alpha": Case(ELU(alpha=0.3), (6,), (6,)),
    "gelu": Case(GELU(), (2, 3, 4), (2, 3, 4)),
    "tanh": Case(Tanh(), (2, 3, 4), (2, 3, 4)),
    "scaled tanh": Case(ScaledTanh(), (2, 3, 4), (2, 3, 4)),
    "conv leaky relu": Case(Conv2D(2, 2, activation="leaky_relu"), (2, 3, 3), (2, 2, 2), (2, 1, 1), "2×2"),
    "conv elu": Case(Conv2D(2, 2, activation="elu"), (2, 3, 3), (2, 2, 2), (2, 1, 1), "2×2"),
    "conv gelu": Case(Conv2D(2, 2, activation="gelu"), (2, 3, 3), (2, 2, 2), (2, 1, 1), "2×2"),
    "conv tanh": Case(Conv2D(2, 2, activation="tanh"), (2, 3, 3), (2, 2, 2), (2, 1, 1), "2×2"),
    "dense gelu": Case(Dense(4, activation="gelu"), (5,), (4,), (2, 3, 3), "Flatten"),
    "dense scaled tanh": Case(Dense(4, activation="scaled_tanh"), (5,), (4,), (2, 3, 3), "Flatten"),
    "original dropout": Case(OriginalDropout(0.4), (2, 3, 4), (2, 3, 4)),
    "original dropout of features": Case(OriginalDropout(0.5), (7,), (7,)),
    "original dropout off": Case(OriginalDropout(0), (7,), (7,)),
    "normalize colours": Case(
        Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)), (3, 2, 2), (3, 2, 2), (1, 2, 2), "has 3 means"
    ),
    "local response": Case(LocalResponseNormalization(), (7, 3, 2), (7, 3, 2), (72,), "expects maps"),
    "local response strong": Case(
        LocalResponseNormalization(3, alpha=0.5, beta=0.6, k=1.0), (5, 2, 3), (5, 2, 3), (72,), "maps"
    ),
    "local response even": Case(
        LocalResponseNormalization(4, alpha=0.5, beta=1, k=0.5), (6, 2, 2), (6, 2, 2), (72,), "maps"
    ),
    "local response wider than the channels": Case(
        LocalResponseNormalization(9, alpha=0.3), (3, 2, 2), (3, 2, 2), (72,), "maps"
    ),
    "local response of itself": Case(LocalResponseNormalization(1, alpha=2), (3, 2, 2), (3, 2, 2), (72,), "maps"),
    "group normalization": Case(
        GroupNormalization(2), (4, 3, 2), (4, 3, 2), (5, 3, 2), "cannot divide 5 channels into 2 groups"
    ),
    "group normalization of features": Case(GroupNormalization(2, epsilon=1e-2), (6,), (6,), (2,), "fewer groups"),
    "layer normalization": Case(GroupNormalization(1), (3, 2, 2), (3, 2, 2), (1,), "fewer groups"),
    "instance normalization": Case(GroupNormalization(3), (3, 2, 4), (3, 2, 4), (3, 1, 1), "fewer groups"),
    "group normalization after a convolution": Case(
        Sequential([Conv2D(4, 2, use_bias=False), GroupNormalization(2), GELU()]),
        (2, 4, 4),
        (4, 3, 3),
        (2, 1, 1),
        "conv1 cannot fit",
    ),
}
