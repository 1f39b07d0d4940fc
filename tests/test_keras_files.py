"""Files of Keras that are written and read here: there and back, and what is refused."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.errors import DataError, DeepenError, FileFormatError, MissingExtraError
from deepen.exchange.keras_file import read, write
from deepen.exchange.keras_layout import KerasTensor, channels_last
from deepen.layers import (
    RBF,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalMaxPooling2D,
    GroupNormalization,
    MaxPooling2D,
    MinPooling2D,
    OriginalDropout,
    Parallel,
    Residual,
    ScaledTanh,
    Sequential,
    SideOutput,
)
from deepen.paths import Shape
from deepen.spec import Layer
from keras_files import FLAT, refused, stored
from keras_networks import CHAINS, NETWORKS, arrays_of, assert_equal


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("name", CHAINS)
def test_there_and_back(name: str, suffix: str, tmp_path: Path) -> None:
    network, shape = NETWORKS[name]
    arrays = arrays_of(network, shape)
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    write(one, network, shape, arrays)
    assert_equal(read(one, network, shape), arrays)
    write(other, network, shape, {path: np.asfortranarray(array) for path, array in arrays.items()})
    assert one.read_bytes() == other.read_bytes()


@given(st.data())
def test_layouts_there_and_back(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.sampled_from([1, 2, 4]).flatmap(lambda n: st.tuples(*[st.integers(1, 4)] * n))))
    last = shape[-1]
    order = data.draw(st.none() | st.permutations(range(last)).map(np.array))
    axes = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}[len(shape)]
    tensor = KerasTensor("a", shape, tuple(shape[axis] for axis in axes), order)
    array = np.arange(prod(shape)).reshape(shape)
    there = tensor.to_keras(array)
    assert there.shape == tensor.shape
    np.testing.assert_array_equal(tensor.from_keras(there), array)


@given(st.tuples(*[st.integers(1, 4)] * 3))
def test_flattened_maps_stand_pixel_by_pixel_in_keras(shape: Shape) -> None:
    maps = np.random.default_rng(0).permutation(prod(shape)).reshape(shape)
    of_keras = maps.transpose(1, 2, 0).ravel()
    np.testing.assert_array_equal(of_keras[channels_last(shape)], maps.ravel())


OTHER = Sequential([Conv2D(2, 2), BatchNormalization(), Flatten(), Dense(3), Dense(2)])


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_a_mismatch_names_tensors_and_shapes(tmp_path: Path, suffix: str) -> None:
    assert refused(stored(tmp_path, suffix), OTHER) == (
        "the weights in FILE are not those of this network; "
        "of another shape: layers/conv2d/vars/0 is (3, 3, 1, 2), the network needs (2, 2, 1, 2), "
        "layers/dense/vars/0 is (8, 3), the network needs (18, 3); "
        "missing: layers/dense_1/vars/0 (3, 2), layers/dense_1/vars/1 (2,)"
    )


def test_layers_that_are_connected_in_another_way_are_refused(tmp_path: Path) -> None:
    first, second = Conv2D(1, 1), Conv2D(1, 3, padding=1)
    path = stored(tmp_path, ".keras", Sequential([first, second]))
    assert refused(path, Parallel([first, second], merge="add")) == (
        "the layers in FILE are those of this network, but connected in another way"
    )


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    ("network", "problem"),
    [
        (Sequential([FLAT, RBF(3)]), "rbf1 (RBF) has no counterpart in Keras"),
        (
            Sequential([Flatten(), GroupNormalization(2)]),
            "norm1 (GroupNormalization) has no counterpart",
        ),
        (
            Sequential([Parallel([Flatten(), Flatten()])]),
            "parallel1 merges flattened maps, which Keras has in another",
        ),
        (Sequential([SideOutput(GlobalMaxPooling2D()), FLAT]), "the network has branches"),
        (Residual(Conv2D(1, 1)), "the network has branches, and Keras' names for them depend on the model there"),
    ],
)
def test_what_cannot_be_told_in_keras_is_not_written(
    tmp_path: Path, network: Layer, problem: str, suffix: str
) -> None:
    with pytest.raises(DataError) as caught:
        stored(tmp_path, suffix, network)
    assert problem in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (MinPooling2D(2), "pool1 (MinPooling2D) has no counterpart in Keras"),
        (OriginalDropout(0.5), "dropout1 (OriginalDropout) has no counterpart in Keras"),
        (Conv2D(2, 1, activation="scaled_tanh"), "conv2 (ScaledTanh) has no counterpart in Keras"),
        (Conv2D(2, 2, stride=2, dilation=2), "conv2 has a stride and a dilation; Keras has one at a time"),
        (ScaledTanh(), "scaled_tanh1 (ScaledTanh) has no counterpart in Keras"),
        (
            MaxPooling2D(3, 2, 1),
            'pool1 pads in a way that Keras\' MaxPooling2D does not have; give it padding="same"',
        ),
    ],
)
def test_layers_without_a_counterpart_matter_to_a_whole_model_only(
    tmp_path: Path, layer: Layer, problem: str
) -> None:
    network = Sequential([Conv2D(2, 1), layer, Flatten(), Dense(3)])
    stored(tmp_path, ".weights.h5", network)
    with pytest.raises(DataError) as caught:
        stored(tmp_path, ".keras", network)
    assert problem in str(caught.value)


def test_what_is_no_weight_is_left_aside(tmp_path: Path) -> None:
    path = stored(tmp_path, network=FLAT)
    with h5py.File(path, "a") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "uint32")
        file["optimizer/vars/0"] = np.zeros(3)
    assert_equal(read(path, FLAT, (1, 4, 4)), arrays_of(FLAT, (1, 4, 4)))


def no_floats(file: Any) -> None:
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = np.zeros(2, "int32")


def outside(file: Any) -> None:
    del file["layers/dense/vars/1"]
    file.create_dataset("layers/dense/vars/1", (2,), "f4", external=[("/etc/hostname", 0, 8)])


def linked(file: Any) -> None:
    del file["layers/dense/vars/1"]
    file["layers/dense/vars/1"] = h5py.ExternalLink("other.h5", "/secret")


def all_linked(file: Any) -> None:
    del file["layers"]
    file["layers"] = h5py.ExternalLink("other.h5", "/layers")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (no_floats, "layers/dense/vars/1 in FILE is of type int32, not of floating-point numbers"),
        (outside, "dense/vars/1 in FILE takes its numbers from other files, which is not followed"),
        (linked, "are not those of this network; missing: layers/dense/vars/1 (2,); layers/dense is dense1"),
        (all_linked, "FILE has no layers as Keras 3 saves them; open it with Keras 3 and save it anew"),
    ],
)
def test_only_numbers_in_the_file_itself_are_read(
    tmp_path: Path, change: Callable[[Any], None], problem: str
) -> None:
    path = stored(tmp_path, network=FLAT)
    with h5py.File(path, "a") as file:
        change(file)
    assert problem in refused(path, FLAT, DeepenError)


def test_what_keras_has_left_out_is_said_with_the_cure(tmp_path: Path) -> None:
    network = Sequential([Conv2D(2, 3, use_bias=False), BatchNormalization(), Flatten(), Dense(3)])
    biased = Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3)])
    for suffix in (".weights.h5", ".keras"):
        path = stored(tmp_path, suffix, network)
        assert refused(path, biased).endswith(
            "missing: layers/conv2d/vars/1 (2,); layers/conv2d is conv1 here: "
            "Keras' layer has no bias, so give the one here use_bias=False"
        )
    path = stored(tmp_path)
    with h5py.File(path, "a") as file:
        del file["layers/batch_normalization/vars/3"]
    assert refused(path, biased).endswith(
        "layers/batch_normalization is norm1 here: Keras' layer needs scale=True and center=True"
    )


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_early_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, share: float
) -> None:
    path = stored(tmp_path_factory.mktemp("cut"), suffix, FLAT)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert refused(path, FLAT, FileFormatError).startswith("FILE is damaged, or Keras 3 has not saved it (")


def test_weights_too_large_for_the_network_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(100 * 2**20))
    assert refused(path, FLAT, FileFormatError) == (
        "model.weights.h5 in FILE takes 104,857,600 bytes, more than this network could need"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.keras", FLAT) == "cannot read FILE: No such file or directory"
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        stored(tmp_path / "file", network=FLAT)


def test_without_h5py_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path, network=FLAT)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert refused(path, FLAT, MissingExtraError) == (
        'h5py is not installed; install it with: pip install "deepen[keras]"'
    )
