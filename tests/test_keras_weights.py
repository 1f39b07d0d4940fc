"""Weights from Keras and for Keras: outputs are those that Keras itself computes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import keras_models
from deepen.arrays import Array
from deepen.errors import DataError, FileFormatError
from deepen.exchange.keras_file import read, write
from deepen.layers import (
    GELU,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Normalize,
    Parallel,
    Sequential,
)
from deepen.spec import Layer, parameters, statistics
from harness import Inputs, run_numpy, run_torch
from keras_networks import CHAINS, NETWORKS, arrays_of, branched


class Keras:
    """Keras in a process of its own, which starts at the first question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.known: dict[str, tuple[Array, Array]] = {}

    def run(self, model: str) -> tuple[Array, Array]:
        """Return images `(N, C, H, W)`, and what a model makes of them; its files are then in the folder."""
        if model not in self.known:
            self.known[model] = self._ask({"model": model})
        return self.known[model]

    def run_with(self, weights: str, model: str) -> tuple[Array, Array]:
        """Do the same with the weights in a file."""
        return self._ask({"model": model, "weights": weights})

    def _ask(self, question: dict[str, str]) -> tuple[Array, Array]:
        if self.process is None:
            command = [sys.executable, keras_models.__file__, str(self.folder)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline(), "Keras has failed; what it says is on stderr"
        with np.load(self.folder / "run.npz") as run:
            return run["x"].transpose(0, 3, 1, 2), run["y"]

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keras]:
    found = Keras(tmp_path_factory.mktemp("keras"))
    yield found
    found.end()


def assert_outputs(network: Layer, arrays: dict[str, Array], x: Array, y: Array) -> None:
    """Check what a network makes of images with these arrays, in NumPy and in PyTorch."""
    shape = x.shape[1:]
    own, running = ({path: arrays[path] for path in of(network, shape)} for of in (parameters, statistics))
    inputs = Inputs(x, np.zeros_like(y), own, running)
    for run in (run_numpy, run_torch):
        np.testing.assert_allclose(run(network, inputs, training=False).y, y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("name", [*CHAINS, "distinct"])
def test_outputs_are_those_of_keras(keras: Keras, name: str, suffix: str) -> None:
    network, shape = NETWORKS[name]
    x, y = keras.run(name)
    assert_outputs(network, read(keras.folder / f"{name}{suffix}", network, shape), x, y)


def test_branches_are_recognized_by_how_they_are_connected(keras: Keras) -> None:
    x, y = keras.run("branched")
    network, shape = NETWORKS["branched"]
    assert_outputs(network, read(keras.folder / "branched.keras", network, shape), x, y)


@pytest.mark.parametrize("name", CHAINS)
def test_keras_takes_weights_back(keras: Keras, name: str) -> None:
    network, shape = NETWORKS[name]
    arrays = arrays_of(network, shape)
    write(keras.folder / f"{name}-back.keras", network, shape, arrays)
    assert_outputs(network, arrays, *keras.run(f"{name}-back.keras"))
    if name != "nested":
        write(keras.folder / "back.weights.h5", network, shape, arrays)
        assert_outputs(network, arrays, *keras.run_with("back.weights.h5", name))


LAYERS = Sequential(
    [
        Normalize((0.5, 0.4, 0.1), (0.25, 0.5, 2.0)),
        Conv2D(4, 3, padding=2, stride=2, activation="leaky_relu"),
        Conv2D(4, 3, padding=1, activation="elu"),
        MaxPooling2D(2, padding=0, ceil_mode=True),
        GELU(),
        Conv2D(6, (3, 2), padding="same", activation="sigmoid"),
        BatchNormalization(),
        GlobalAveragePooling2D(),
        Dense(4, use_bias=False, activation="softmax"),
    ]
)


def test_a_network_of_all_that_keras_has_opens_there(keras: Keras) -> None:
    arrays = arrays_of(LAYERS, (3, 12, 9))
    write(keras.folder / "layers.keras", LAYERS, (3, 12, 9), arrays)
    assert_outputs(LAYERS, arrays, *keras.run("layers.keras"))


def test_zeros_in_a_layer_of_their_own_are_padding(keras: Keras) -> None:
    x, y = keras.run("padded")
    network, shape = NETWORKS["padded"]
    assert_outputs(network, read(keras.folder / "padded.keras", network, shape), x, y)


def test_branches_that_are_joined_along_another_axis_are_refused(keras: Keras) -> None:
    keras.run("stacked")
    network = Sequential([Parallel([Conv2D(2, 1), Conv2D(2, 3, padding=1)]), GlobalAveragePooling2D(), Dense(2)])
    with pytest.raises(FileFormatError, match="its Concatenate at layers/concatenate: its channels are not last"):
        read(keras.folder / "stacked.keras", network, (2, 6, 6))


def test_a_mismatch_between_branches_names_layers_here(keras: Keras) -> None:
    keras.run("branched")
    path = keras.folder / "branched.keras"
    with pytest.raises(DataError) as caught:
        read(path, branched(classes=6), (3, 9, 8))
    assert str(caught.value) == (
        f"the weights in {path} are not those of this network; "
        "missing: dense1.kernel (140, 6), dense1.bias (6,); "
        "not used: layers/dense/vars/0 (140, 5), layers/dense/vars/1 (5,)"
    )


def test_layers_that_nothing_tells_apart_are_refused(keras: Keras) -> None:
    keras.run("branched")
    keras.run("twins")
    network, shape = NETWORKS["branched"]
    with pytest.raises(DataError, match=r"does not tell which of .*; save the whole model as \.keras"):
        read(keras.folder / "branched.weights.h5", network, shape)
    with pytest.raises(DataError) as caught:
        read(keras.folder / "twins.keras", *NETWORKS["twins"])
    assert str(caught.value) == (
        f"{keras.folder / 'twins.keras'} does not tell which of layers/conv2d, layers/conv2d_1 is which of "
        "parallel1.branch1, parallel1.branch2; their places in the network are alike"
    )
