"""Weights in from PyTorch and Keras and out to them, from Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from command_line import Call, command_line
from deepen import DataError, Model, UsageError
from deepen.layers import Dense, Flatten, Parallel, Sequential
from deepen.losses import LeNet5Loss, MeanSquaredError


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
    [
        ("w.txt", r"is neither .safetensors \(PyTorch\) nor .weights.h5 or .keras \(Keras\)$"),
        (
            "w.pth",
            r"pickled and could run code: turn it into one by safetensors.torch.save_file\(torch.load\("
            r'"w.pth", weights_only=True\), "w.safetensors"\)$',
        ),
        ("w.h5", r'Keras 3 writes the latter by model.save_weights\("w.weights.h5"\)$'),
    ],
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


def test_a_model_by_name_keeps_its_name_and_loss(call: Call, tmp_path: Path) -> None:
    lenet5, weights, ours = Model.named("lenet5"), tmp_path / "w.safetensors", tmp_path / "ours.safetensors"
    lenet5.export_weights(weights)
    assert call("weights", "import", "lenet5", weights, "--out", ours)[0] == 0
    content = Model.load(ours, engine="numpy").content()
    assert (content.name, content.loss) == ("lenet5", lenet5.content().loss)
    assert content.loss == LeNet5Loss()


@pytest.mark.parametrize("preparation", [(), ("--mean", "0.5", "--std", "0.25")])
def test_a_model_file_keeps_all_but_its_weights(call: Call, tmp_path: Path, preparation: tuple[str, ...]) -> None:
    named = Model.named("linear", classes=["猫", "dog"], name="pets", seed=7)
    named.compile(loss=MeanSquaredError(), engine="numpy")
    named.figures = {"accuracy": 0.5}
    theirs, weights, ours = (tmp_path / f"{name}.safetensors" for name in ("theirs", "weights", "ours"))
    named.save(theirs)
    named.export_weights(weights)
    assert call("weights", "import", theirs, weights, "--out", ours, *preparation)[0] == 0
    before, after = named.content(), Model.load(ours, engine="numpy").content()
    kept = ("name", "classes", "loss", "picture", "input_shape", "seed")
    assert [getattr(after, field) for field in kept] == [getattr(before, field) for field in kept]
    assert after.figures == {}, "they were reached with other weights"


@pytest.mark.parametrize("option", [("--classes", 3), ("--width", 0.5), ("--input-shape", "1,28,28")])
def test_a_model_file_has_its_own_shape(
    model: Model, call: Call, tmp_path: Path, option: tuple[str, object]
) -> None:
    path = model.save(tmp_path / "m.safetensors")
    status, _, err = call("weights", "import", path, "w.safetensors", "--out", tmp_path / "o.safetensors", *option)
    assert status == 2
    assert "--input-shape, --classes and --width are for models by name" in err


def test_images_are_normalized_once(call: Call, tmp_path: Path) -> None:
    weights = Model.named("lenet5").export_weights(tmp_path / "w.safetensors")
    given = ("weights", "import", "lenet5", weights, "--out", tmp_path / "o.safetensors")
    status, _, err = call(*given, "--mean", "0.5", "--std", "0.5")
    assert status == 2
    assert "lenet5 begins with normalize1, so leave out --mean and --std" in err.replace("\n", " ")


def test_a_network_that_is_one_block_can_be_normalized(call: Call, tmp_path: Path) -> None:
    block = Model(Parallel([Sequential([Flatten(), Dense(3)]), Sequential([Flatten(), Dense(2)])]), (1, 4, 4))
    block.compile(engine="numpy")
    theirs, weights, ours = (tmp_path / f"{name}.safetensors" for name in ("theirs", "weights", "ours"))
    block.save(theirs)
    block.export_weights(weights)
    assert call("weights", "import", theirs, weights, "--out", ours, "--mean", "0.5", "--std", "0.25")[0] == 0
    x = IMAGES[:, :, :4, :4]
    np.testing.assert_allclose(Model.load(ours).predict(x), block.predict((x - 0.5) / 0.25), rtol=1e-5)


def test_weights_are_not_written_over_a_model(model: Model, call: Call, tmp_path: Path) -> None:
    path = model.save(tmp_path / "m.safetensors")
    before = path.read_bytes()
    status, _, err = call("weights", "export", path, path)
    assert (status, path.read_bytes()) == (1, before)
    assert "m.safetensors is a model of deepen; give another name for the weights" in err


def test_a_model_is_no_file_of_weights(model: Model, tmp_path: Path) -> None:
    path = model.save(tmp_path / "m.safetensors")
    with pytest.raises(
        DataError, match="is a model of deepen: use load_weights, or give it as MODEL to a command"
    ):
        model.import_weights(path)


def test_a_model_is_written_as_safetensors(call: Call, tmp_path: Path) -> None:
    status, _, err = call("weights", "import", "lenet", "w.safetensors", "--out", tmp_path / "z.bin")
    assert status == 2
    assert "--out is a model's file, such as z.safetensors; got" in err


def test_what_is_warned_of_is_one_line(call: Call, tmp_path: Path) -> None:
    own = Model.named("resnet50", width=1 / 16, input_shape=(3, 32, 32))
    weights, ours = tmp_path / "w.safetensors", own.save(tmp_path / "m.safetensors")
    status, _, err = call("weights", "export", ours, weights)
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith("note: bottlenecks of torchvision and timm halve the maps in their 3×3 convolution")
    status, _, err = call("weights", "import", ours, weights, "--out", tmp_path / "o.safetensors")
    assert (status, err[:19]) == (0, "note: bottlenecks o")


def test_the_weights_are_not_overwritten_by_the_model(model: Model, call: Call, tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    model.export_weights(weights)
    before = weights.read_bytes()
    status, _, err = call("weights", "import", "keras_mnist", weights, "--width", 0.25, "--out", weights)
    assert status == 2
    assert "give the model another name" in err
    assert weights.read_bytes() == before
