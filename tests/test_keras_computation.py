"""A `.keras` says what its model computes: what is not the same as here is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepen.errors import FileFormatError
from deepen.exchange.keras_file import read
from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    LocalResponseNormalization,
    MaxPooling2D,
    Normalize,
    ReLU,
    Sequential,
    ZeroPadding2D,
)
from deepen.spec import Layer
from keras_files import FLAT, edited, refused, stored


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        (
            Sequential([Conv2D(2, 3), BatchNormalization(epsilon=1e-3), Flatten(), Dense(3)]),
            "norm1 has epsilon 0.001, but layers/batch_normalization in FILE has 1e-05, so their outputs would "
            "differ; give both the same",
        ),
        (
            Sequential([Conv2D(2, 3, dilation=2, padding=1), BatchNormalization(), Flatten(), Dense(3)]),
            "conv1 has dilation_rate (2, 2), but layers/conv2d in FILE has (1, 1), so their outputs would differ; "
            "give both the same",
        ),
    ],
)
def test_what_shapes_do_not_tell_is_compared(tmp_path: Path, network: Layer, problem: str) -> None:
    alike = Sequential([Conv2D(2, 3), BatchNormalization(epsilon=1.001e-5), Flatten(), Dense(3)])
    path = stored(tmp_path, ".keras")
    read(path, alike, (1, 4, 4))
    assert refused(path, network) == problem


STEM = Conv2D(2, 3, stride=2, padding="same")
HEAD = Sequential([GlobalAveragePooling2D(), Dense(3)])


@pytest.mark.parametrize(
    ("here", "there", "problem"),
    [
        (
            Sequential([Conv2D(2, 3, stride=2, padding=1), HEAD]),
            Sequential([STEM, HEAD]),
            "between the images and conv1 the network has padding 1 above and 1 left for 2×2 positions, but the "
            "model in FILE has padding 0 above and 0 left for 2×2 positions, so their outputs would differ; give "
            "both the same",
        ),
        (
            Sequential([Conv2D(2, 3, padding="same"), HEAD]),
            Sequential([Conv2D(2, 3), HEAD]),
            "has padding 1 above and 1 left for 4×4 positions, but the model in FILE has padding 0 above and 0 "
            "left for 2×2 positions",
        ),
        (
            Sequential([Conv2D(2, 3, activation="relu"), HEAD]),
            Sequential([Conv2D(2, 3, activation="tanh"), HEAD]),
            "between conv1 and block1.dense1 the network has ReLU, but the model in FILE has Tanh, so",
        ),
        (
            Sequential([STEM, HEAD]),
            Sequential([STEM, GlobalMaxPooling2D(), Dense(3)]),
            "the network has GlobalAveragePooling2D, but the model in FILE has GlobalMaxPooling2D",
        ),
        (
            Sequential([STEM, MaxPooling2D(2), Flatten(), Dense(3)]),
            Sequential([STEM, AveragePooling2D(2), Flatten(), Dense(3)]),
            "MaxPooling2D of (2, 2) at stride (2, 2) with padding 0 above and 0 left for 1×1 positions",
        ),
        (
            Sequential([LocalResponseNormalization(), STEM, HEAD]),
            Sequential([STEM, HEAD]),
            "the network has LocalResponseNormalization(",
        ),
        (
            Sequential([Normalize(0.5, 0.25), STEM, HEAD]),
            Sequential([Normalize(0.5, 0.2), STEM, HEAD]),
            "the network has scale 4 and offset -2, but the model in FILE has scale 5 and offset -2.5",
        ),
        (
            Sequential([ZeroPadding2D(1), MaxPooling2D(2), Flatten(), Dense(3)]),
            Sequential([ZeroPadding2D(((2, 0), (1, 1))), MaxPooling2D(2), Flatten(), Dense(3)]),
            "the model in FILE has ZeroPadding2D(padding=((2, 0), (1, 1)))",
        ),
        (
            Sequential([STEM, HEAD, ReLU()]),
            Sequential([STEM, HEAD]),
            "between block1.dense1 and the outputs the network has ReLU, but the model in FILE has nothing",
        ),
    ],
)
def test_what_lies_between_the_weights_is_compared(
    tmp_path: Path, here: Layer, there: Layer, problem: str
) -> None:
    path = stored(tmp_path, ".keras", there)
    read(path, there, (1, 4, 4))
    assert problem in refused(path, here)


def test_names_of_layers_matter_to_nobody(tmp_path: Path) -> None:
    path = stored(tmp_path, ".keras", Sequential([ReLU(), Flatten(), Dense(2)]))
    renamed = Sequential([ReLU(name="first"), Flatten(name="row"), Dense(2, name="head")])
    assert set(read(path, renamed, (1, 4, 4))) == {"head.kernel", "head.bias"}


def test_a_softmax_at_the_end_may_be_part_of_the_loss(tmp_path: Path) -> None:
    path = stored(tmp_path, ".keras", Sequential([Flatten(), Dense(2, activation="softmax")]))
    assert set(read(path, FLAT, (1, 4, 4))) == {"dense1.kernel", "dense1.bias"}


def code(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {"class_name": "Lambda"}


def permuted(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {"class_name": "Permute"}


def channels_first(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"] |= {"data_format": "channels_first"}


def selu(config: dict[str, Any]) -> None:
    config["config"]["layers"][2]["config"] |= {"activation": "selu"}


def odd_padding(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {
        "class_name": "MaxPooling2D",
        "config": {"name": "p", "pool_size": [2, 2], "strides": [2, 2], "padding": "causal"},
    }


def own_layer(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {"module": "evil"}


def two_inputs(config: dict[str, Any]) -> None:
    config["config"]["layers"].append(config["config"]["layers"][0])


def used_twice(config: dict[str, Any]) -> None:
    config["class_name"] = "Functional"
    config["config"]["layers"][1]["inbound_nodes"] = [{"args": []}] * 2


def no_layers(config: dict[str, Any]) -> None:
    del config["config"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (code, "its Lambda at layers/lambda is code of its own, which is not run"),
        (own_layer, "its Flatten at layers/flatten is code of its own, which is not run"),
        (permuted, "its Permute at layers/permute: no layer here computes the same"),
        (
            channels_first,
            "its Flatten at layers/flatten: its channels are not last; make the model anew with "
            'data_format="channels_last" and axis=-1',
        ),
        (selu, "its Dense at layers/dense: no activation here computes the same as 'selu'"),
        (
            odd_padding,
            'its MaxPooling2D at layers/max_pooling2d: MaxPooling2D: padding must be "same", "valid", a whole '
            "number or a pair, got 'causal'",
        ),
        (two_inputs, "it has several inputs"),
        (used_twice, "its layer flatten is used 2 times"),
        (no_layers, "FILE is damaged, or Keras 3 has not saved it (KeyError: 'config')"),
    ],
)
def test_descriptions_that_cannot_be_followed(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    path = edited(stored(tmp_path, ".keras", FLAT), change)
    assert refused(path, FLAT, FileFormatError) == f"cannot take weights from FILE: {problem}"
