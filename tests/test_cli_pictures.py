"""The command line with a folder of pictures, with weights of another model, and with packaged models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen import Model, data, pretrained
from deepen.data import gather
from deepen.errors import DataError
from test_cli import call

TRAIN = ["--engine", "numpy", "--epochs", "3", "--batch-size", "8"]
NAMES = {0: "circle", 1: "Strich", 4: "四"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with pictures of three classes in `photos` and one more of each in `new`."""
    digits = data.load("digits")
    (tmp_path / "new").mkdir()
    for label, name in NAMES.items():
        images = digits.train_images[digits.train_labels == label, 0]
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(25):
            Image.fromarray(images[number]).resize((40, 30)).save(tmp_path / "photos" / name / f"IMG {number}.png")
        Image.fromarray(images[25]).resize((40, 30)).save(tmp_path / "new" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Path, str]:
    code, out, err = call(capsys, "train", *arguments, *TRAIN, "--json")
    assert code == 0, err
    return Path(json.loads(out)["run"]), err


def test_from_a_folder_of_pictures_to_predictions(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "photos" / "circle" / "broken.jpg").write_bytes(b"no picture")
    (home / "photos" / ".DS_Store").write_bytes(b"x")
    run, said = train(capsys, "keras_mnist", "--data", "photos", "--size", "16", "--learning-rate", "0.01")
    assert "left out: 1 of 76 pictures cannot be read:\n  circle/broken.jpg  is not a picture" in said
    assert "20% of each class were drawn for the test, with seed 0" in said
    assert "10% of the training pictures of each class were drawn for the validation, with seed 0" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["class", "training", "validation", "test"] in rows
    assert {row[0]: row[3] for row in rows if row and row[0] in NAMES.values()} == dict.fromkeys(
        NAMES.values(), "5"
    )
    assert run.name.endswith("-keras_mnist-photos")
    assert Model.load(run / "model.safetensors").input_shape == (1, 16, 16)

    code, out, _ = call(
        capsys, "predict", "runs", *map(str, sorted(Path("new").iterdir())), "--top", "5", "--json"
    )
    found = json.loads(out)["predictions"]
    assert code == 0
    for each in found:
        assert each["top"][0]["label"] == each["label"]
        assert {row["label"] for row in each["top"]} == set(NAMES.values())
        assert sum(row["probability"] for row in each["top"]) == pytest.approx(1)
    code, out, _ = call(capsys, "predict", "runs", "new/circle.png", "--top", "2")
    assert (code, out.count("%")) == (0, 2)

    trained = json.loads(call(capsys, "evaluate", "runs", "--json")[1])
    assert trained["count"] == 15
    again, _ = Model.load(run / "model.safetensors"), capsys.readouterr()
    assert trained["accuracy"] == again.figures["test_accuracy"]  # the same pictures were drawn for the test


def test_a_folder_is_looked_at_without_a_training(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "data", "photos", "--json")
    found = json.loads(out)
    assert (code, found["train_counts"], found["test_counts"]) == (0, [20] * 3, [5] * 3)
    assert found["classes"] == sorted(NAMES.values())
    path = home / "photos" / "Strich" / "IMG 0.png"
    path.write_bytes(path.read_bytes()[:-60])  # its header can still be read
    found = json.loads(call(capsys, "data", "photos", "--json")[1])
    assert sum(found["train_counts"]) + sum(found["test_counts"]) == 74
    assert found["input_shape"] == [1, 30, 40]
    code, out, _ = call(capsys, "data", "photos")
    assert code == 0
    assert "left out: 1 of 75 pictures cannot be read:\n  Strich/IMG 0.png  cannot be read as a picture" in out
    rows = {line.split()[0]: line for line in out.splitlines()[-3:]}
    assert rows["四"].index("20") == rows["circle"].index("20") - 1  # 四 is two columns wide


def test_what_cannot_be_read_is_said_and_the_rest_predicted(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "new" / ".hidden.png").write_bytes(b"x")
    (home / "new" / "note.txt").write_bytes(b"x")
    (home / "new" / "broken.png").write_bytes(b"x")
    (home / "empty").mkdir()
    given = ["predict", "lenet@mnist", "none.png", "new", "empty", "new/circle.png"]
    paths = [*(f"new/{name}.png" for name in sorted(NAMES.values())), "new/circle.png"]
    code, out, err = call(capsys, *given)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == paths
    assert [line.split()[:2] for line in err.splitlines()] == [
        ["deepen:", "empty"],
        ["deepen:", "none.png"],
        ["deepen:", "new/broken.png"],
    ]
    code, out, _ = call(capsys, *given, "--json")
    found = json.loads(out)
    assert (code, [each["path"] for each in found["predictions"]]) == (1, paths)
    # Each picture keeps its own prediction.
    one = json.loads(call(capsys, "predict", "lenet@mnist", paths[2], "--json")[1])
    assert one["unreadable"] == []
    assert one["predictions"][0] == pytest.approx(found["predictions"][2])
    assert found["unreadable"][0] == {
        "path": "empty",
        "reason": "is a folder without pictures; read are .bmp, .gif, .jpeg, .jpg, .png, .webp",
    }
    code, out, err = call(capsys, "predict", "lenet@mnist", "new/broken.png")
    assert (code, out, "is not a picture of a known format" in err) == (1, "", True)

    def refuse(path: Path) -> None:
        raise DataError(f"the folder {path} cannot be read")

    monkeypatch.setattr(gather, "pictures_in", refuse)
    code, out, err = call(capsys, "predict", "lenet@mnist", "new", "new/circle.png")
    assert (code, out.count("\n")) == (1, 1)
    assert err == "deepen: new is a folder that cannot be read; check its permissions\n"


def test_weights_of_another_model_frozen_and_slow(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = train(capsys, "lenet", "--data", "digits")
    second, said = train(
        capsys, "lenet", "--data", "photos", "--init", str(first), "--freeze", "conv*", "--rate", "dense1=0.1"
    )
    assert "taken over: 8 of 10 arrays" in said
    assert "frozen: conv1, conv2\nat 0.1 of the rate: dense1\n" in said
    assert "new: dense3.kernel, of shape 3×84 here and 10×84 there" in said
    before, after = (Model.load(run / "model.safetensors").weights for run in (first, second))
    for path in ("conv1.kernel", "conv2.bias"):
        assert (before[path] == after[path]).all()
    moved = {path: float(np.abs(before[path] - after[path]).mean()) for path in ("dense1.kernel", "dense2.kernel")}
    assert 0 < moved["dense1.kernel"] < 0.5 * moved["dense2.kernel"]


def test_packaged_models_are_there_and_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert pretrained.names() == ("deepconvnet@mnist", "lenet@mnist")
    files = [pretrained.resolve(name) for name in pretrained.names()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    table = (files[0].parent / "README.md").read_text(encoding="utf-8")
    for name in pretrained.names():
        figures = Model.load(name, engine="numpy").figures
        assert figures["test_accuracy"] > 0.985
        assert f"`{name}` | {figures['test_accuracy']:.2%}" in table
    code, out, _ = call(capsys, "summary", "lenet@mnist")
    assert (code, "61,706" in out) == (0, True)


def test_a_packaged_model_reads_a_digit(capsys: pytest.CaptureFixture[str]) -> None:
    picture = Path(__file__).parents[1] / "examples" / "digit.png"
    for name in pretrained.names():
        code, out, _ = call(capsys, "predict", name, str(picture), "--invert", "--json")
        assert (code, json.loads(out)["predictions"][0]["label"]) == (0, "5")


def test_a_packaged_model_reaches_its_figures() -> None:
    if data.find("mnist") is None:
        pytest.skip("MNIST is not on this disk: deepen data mnist fetches it")
    mnist = data.load("mnist")
    for name in pretrained.names():
        model = Model.load(name)
        found = model.evaluate(mnist.test_images, mnist.test_labels)
        # Another processor rounds differently: a picture or two may fall to the other side.
        assert abs(found.accuracy - model.figures["test_accuracy"]) <= 0.0003


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--size", "0"], 2, "size must be 1 or more, got 0"),
        (["--rate", "conv1"], 2, "a rate is a path and a factor, such as conv*=0.1, got 'conv1'"),
        (["--rate", "conv1=fast"], 2, "got 'conv1=fast'"),
        (["--freeze", "konv1"], 2, "unknown layer with parameters 'konv1'; did you mean 'conv1'?"),
        (["--init", "nowhere"], 1, "there is no file or folder nowhere"),
        (["--init", "lenet@minst"], 2, "did you mean 'lenet@mnist'?"),
    ],
)
def test_errors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, _, err = call(capsys, "train", "lenet", "--data", "digits", *arguments)
    assert not list(tmp_path.iterdir())
    assert found == code
    assert says in err


def test_a_model_is_not_measured_on_classes_it_does_not_know(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "evaluate", "lenet@mnist", "--data", "photos")
    assert (code, "does not know the classes Strich, circle, 四 of photos" in err) == (1, True)


def test_a_folder_that_was_moved_is_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = train(capsys, "lenet", "--data", "photos")
    (home / "photos").rename(home / "moved")
    code, _, err = call(capsys, "evaluate", str(run))
    assert (code, "give its place now with --data" in err) == (1, True)
    code, out, _ = call(capsys, "evaluate", str(run), "--data", "moved", "--json")
    assert (code, json.loads(out)["count"]) == (0, 15)
