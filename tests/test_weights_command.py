"""Weights in from PyTorch and Keras and out to them, from Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from command_line import Call, command_line
from deepen import DataError, Model, UsageError


@pytest.fixture
def model() -> Model:
    found = Model.named("keras_mnist", width=0.25, seed=3)
    found.compile(engine="numpy")
    return found


call = pytest.fixture(command_line)
IMAGES = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)


@pytest.mark.parametrize("name", ["w.safetensors", "w.weights.h5", "w.keras"])
def test_there_and_back(model: Model, name: str, tmp_path: Path) -> None:
    path = model.export_weights(tmp_path / name)
    other = Model.named("keras_mnist", width=0.25, seed=4)
    other.compile(engine="numpy")
    assert abs(other.predict(IMAGES) - model.predict(IMAGES)).max() > 1e-3
    other.import_weights(path)
    assert (other.predict(IMAGES) == model.predict(IMAGES)).all()
    assert all((other.weights[path] == w).all() for path, w in model.weights.items())


def test_a_mismatch_names_tensors_and_shapes(model: Model, tmp_path: Path) -> None:
    path = model.export_weights(tmp_path / "w.safetensors")
    wide = Model.named("keras_mnist", width=0.5)
    with pytest.raises(DataError, match=r"conv1\.weight is \(8, 1, 3, 3\), the network needs \(16, 1, 3, 3\)"):
        wide.import_weights(path)
    tensors = load_file(path)
    tensors["conv9.weight"] = tensors.pop("conv1.weight")
    save_file(tensors, path)
    with pytest.raises(DataError, match=r"missing: conv1\.weight \(8, 1, 3, 3\); not used: conv9\.weight \(8, 1,"):
        model.import_weights(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [("w.txt", "neither .safetensors"), ("w.pth", "pickled and could run code"), ("w.h5", "neither .safetensors")],
)
def test_an_ending_that_is_not_known(model: Model, name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        model.import_weights(tmp_path / name)
    with pytest.raises(UsageError, match=says):
        model.export_weights(tmp_path / name)


def test_names_are_pytorchs(model: Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names are for PyTorch"):
        model.export_weights(tmp_path / "w.keras", names="torchvision")


def test_in_and_out_on_the_command_line(model: Model, call: Call, tmp_path: Path) -> None:
    weights, ours, back = tmp_path / "w.safetensors", tmp_path / "ours.safetensors", tmp_path / "back.safetensors"
    model.export_weights(weights)
    status, out, _ = call("weights", "import", "keras_mnist", weights, "--width", 0.25, "--out", ours, "--json")
    assert (status, json.loads(out)["model"]) == (0, str(ours))
    assert (Model.load(ours, engine="numpy").predict(IMAGES) == model.predict(IMAGES)).all()
    status, out, _ = call("weights", "export", ours, back)
    assert (status, out) == (0, f"the weights: {back}\n")
    assert back.read_bytes() == weights.read_bytes()


def test_what_training_did_to_images_becomes_part_of_the_network(model: Model, call: Call, tmp_path: Path) -> None:
    weights, ours = tmp_path / "w.safetensors", tmp_path / "ours.safetensors"
    model.export_weights(weights)
    given = ("weights", "import", "keras_mnist", weights, "--width", 0.25, "--out", ours)
    assert call(*given, "--mean", "0.1307", "--std", "0.3081")[0] == 0
    normal = (IMAGES - np.float32(0.1307)) / np.float32(0.3081)
    assert abs(Model.load(ours).predict(IMAGES) - model.predict(normal)).max() < 1e-6
    status, _, err = call(*given, "--mean", "0.1307")
    assert status == 2
    assert "--mean and --std belong together" in err
    status, _, err = call(*given, "--mean", "grey", "--std", "1")
    assert status == 2
    assert "--mean is a number, or one for each channel" in err


def test_weights_of_another_network_are_refused_and_nothing_is_written(
    model: Model, call: Call, tmp_path: Path
) -> None:
    weights, ours = tmp_path / "w.safetensors", tmp_path / "ours.safetensors"
    model.export_weights(weights)
    status, _, err = call("weights", "import", "lenet", weights, "--out", ours)
    assert status == 1
    assert "are not those of this network" in err
    assert not ours.exists()
