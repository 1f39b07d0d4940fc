"""The networks in Keras' own layers; images are `(N, H, W, C)`, as Keras has them."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers


def deepconvnet() -> keras.Model:
    network = [keras.Input((28, 28, 1))]
    for place, (filters, padding) in enumerate(((16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1))):
        if padding == 2:
            network += [layers.ZeroPadding2D(1)]
        network += [layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")]
        network += [layers.MaxPooling2D(2)] if place % 2 else []
    head = [layers.Flatten(), layers.Dense(50, activation="relu"), layers.Dropout(0.5), layers.Dense(10)]
    return keras.Sequential([*network, *head])


def lenet() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="sigmoid"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="sigmoid"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="sigmoid"),
            layers.Dense(84, activation="sigmoid"),
            layers.Dense(10),
        ]
    )


def keras_mnist() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )


def resnet20() -> keras.Model:
    def normalized(x: keras.KerasTensor, filters: int, stride: int = 1) -> keras.KerasTensor:
        if stride == 2:  # Keras' own padding of even maps would look one pixel further to the right
            x, padding = layers.ZeroPadding2D(1)(x), "valid"
        else:
            padding = "same"
        x = layers.Conv2D(filters, 3, stride, padding, use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    given = keras.Input((32, 32, 3))
    x = layers.ReLU()(normalized(given, 16))
    before = 16
    for filters in (16, 16, 16, 32, 32, 32, 64, 64, 64):
        body = layers.ReLU()(normalized(x, filters, filters // before))
        body = normalized(body, filters)
        if filters != before:
            x = keras.ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, filters - before)))
        x = layers.ReLU()(layers.Add()([body, x]))
        before = filters
    return keras.Model(given, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "deepconvnet": deepconvnet,
    "lenet": lenet,
    "keras_mnist": keras_mnist,
    "resnet20": resnet20,
}
