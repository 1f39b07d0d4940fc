"""Models of Keras that tests compare with; run as a program, it answers questions about them, one a line.

Keras' import chooses a backend and warns, so it has a process to itself.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np


def mnist(L: Any) -> list[Any]:
    """The network of Keras' own example on MNIST, as study note 002 has it."""
    return [
        L.Input((28, 28, 1)),
        L.Conv2D(32, kernel_size=(3, 3), activation="relu"),
        L.MaxPooling2D(pool_size=(2, 2)),
        L.Conv2D(64, kernel_size=(3, 3), activation="relu"),
        L.MaxPooling2D(pool_size=(2, 2)),
        L.Flatten(),
        L.Dropout(0.5),
        L.Dense(10, activation="softmax"),
    ]


def varied(L: Any) -> list[Any]:
    """Strides and "same" at odd sizes, groups, depthwise, both normalizations, poolings, flattened maps."""
    return [
        L.Input((13, 10, 4)),
        L.Conv2D(8, 3, strides=2, padding="same", groups=2, use_bias=False),
        L.BatchNormalization(),
        L.Activation("elu"),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="tanh"),
        L.AveragePooling2D(2, padding="same"),
        L.GroupNormalization(4),
        L.ZeroPadding2D(((1, 0), (2, 1))),
        L.Conv2D(6, (2, 3), dilation_rate=(1, 2), activation="gelu"),
        L.MaxPooling2D(2, strides=1, padding="same"),
        L.LeakyReLU(negative_slope=0.1),
        L.Flatten(),
        L.Dropout(0.25),
        L.BatchNormalization(epsilon=1e-5),
        L.Activation("sigmoid"),
        L.Dense(7, activation="relu"),
        L.Dense(3),
    ]


def pooled(L: Any) -> list[Any]:
    """Eleven dense layers behind global pooling: `dense_10` comes after `dense_9`, not after `dense_1`."""
    return [
        L.Input((6, 5, 2)),
        L.Conv2D(4, 3, activation="relu"),
        L.GlobalAveragePooling2D(),
        *(L.Dense(4) for _ in range(11)),
    ]


def nested(L: Any, keras: Any) -> Any:
    """A model in a model."""
    stage = keras.Sequential([L.Conv2D(3, 3), L.Conv2D(4, 2, activation="relu")], name="stage")
    return keras.Sequential([L.Input((7, 6, 2)), L.Conv2D(2, 1), stage, L.Flatten(), L.Dense(3)])


def branched(L: Any, keras: Any) -> Any:
    """A residual block with a projection, and a block of branches whose first layers have equal shapes."""
    x = keras.Input((9, 8, 3))
    a = L.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    a = L.Conv2D(4, 3, padding="same")(a)
    a = L.BatchNormalization(epsilon=1.001e-5)(a)
    y = L.Activation("relu")(L.Add()([L.Conv2D(4, 1, strides=2)(x), a]))
    b1 = L.Conv2D(2, 1)(y)
    b2 = L.Conv2D(3, 3, padding="same")(L.Conv2D(2, 1)(y))
    b3 = L.Conv2D(2, 1)(L.MaxPooling2D(3, strides=1, padding="same")(y))
    y = L.Concatenate()([b1, b2, b3])
    return keras.Model(x, L.Dense(5)(L.Dropout(0.1)(L.Flatten()(y))))


def distinct(L: Any, keras: Any) -> Any:
    """A residual block in which no two layers have the same shapes."""
    x = keras.Input((6, 6, 2))
    y = L.Add()([L.Conv2D(3, 3, padding="same")(x), L.Conv2D(3, 1)(x)])
    return keras.Model(x, L.Dense(2)(L.GlobalMaxPooling2D()(y)))


def twins(L: Any, keras: Any) -> Any:
    """Two branches that are added and differ in nothing."""
    x = keras.Input((6, 6, 2))
    y = L.Add()([L.Conv2D(3, 3)(x), L.Conv2D(3, 3)(x)])
    return keras.Model(x, L.Dense(2)(L.GlobalMaxPooling2D()(y)))


def padded(L: Any, keras: Any) -> Any:
    """The beginning of Keras' ResNets: padding in layers of its own."""
    x = keras.Input((9, 8, 3))
    y = L.Conv2D(4, 3, strides=2, activation="relu")(L.ZeroPadding2D(1)(x))
    y = L.MaxPooling2D(3, strides=2)(L.ZeroPadding2D(1)(y))
    return keras.Model(x, L.Dense(3)(L.GlobalAveragePooling2D()(y)))


def stacked(L: Any, keras: Any) -> Any:
    """Branches one above the other."""
    x = keras.Input((6, 6, 2))
    y = L.Concatenate(axis=1)([L.Conv2D(2, 1)(x), L.Conv2D(2, 3, padding="same")(x)])
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(y)))


def answer(folder: Path, question: dict[str, str]) -> None:
    """Make a model or load one; save its weights, and what it makes of random images."""
    import keras
    from keras import layers as L

    rng, name = np.random.default_rng(0), question["model"]
    if name.endswith(".keras"):
        model = keras.models.load_model(folder / name)
    else:
        make = globals()[name]
        model = keras.Sequential(make(L)) if name in ("mnist", "varied", "pooled") else make(L, keras)
    if "weights" in question:
        model.load_weights(folder / question["weights"])
    elif not name.endswith(".keras"):
        model.set_weights([rng.uniform(0.1, 1, w.shape) - 0.4 * (w.ndim > 1) for w in model.get_weights()])
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
    x = rng.standard_normal((3, *model.input_shape[1:])).astype(np.float32)
    np.savez(folder / "run.npz", x=x, y=model.predict(x, verbose=0))


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "torch"
    for line in sys.stdin:
        answer(Path(sys.argv[1]), json.loads(line))
        print("done", flush=True)
