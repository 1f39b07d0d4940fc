"""The command line: what it prints where, exit codes, and JSON."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepen import Model, data, job, runs
from deepen.cli import main
from deepen.errors import NonFiniteError
from deepen.layers import Dense
from deepen.training.csv_log import CSVLog

TRAIN = ["train", "lenet", "--data", "digits", "--epochs", "2", "--engine", "numpy"]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """One real training, looked at by many tests."""
    folder = tmp_path_factory.mktemp("runs")
    done = subprocess.run(
        [sys.executable, "-m", "deepen", *TRAIN, "--runs", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    return Path(result["run"]), result, done.stderr


def test_train_prints_one_json_object(run: tuple[Path, dict[str, Any], str]) -> None:
    folder, result, progress = run
    assert list(result) == [
        "model", "data", "engine", "device", "threads", "seed", "epochs", "parameters", "test_accuracy",
        "test_loss", "images_per_second", "seconds", "counts", "remarks", "run",
    ]  # fmt: skip
    assert result["parameters"] == 61_706
    assert result["epochs"] == 2
    assert folder.is_absolute()
    lines = progress.splitlines()
    assert lines[0] == "data: digits, 1,437 training and 360 test images of 8×8, resized to 28×28"
    assert lines[2] == "engine: numpy on cpu (asked for)"
    assert [line.split("  ")[0] for line in lines[4:]] == ["epoch 1/2", "epoch 2/2"]


def test_the_run_folder_is_complete(run: tuple[Path, dict[str, Any], str]) -> None:
    folder, result, _ = run
    assert {path.name for path in folder.iterdir()} >= {
        "config.toml", "environment.json", "metrics.csv", "model.safetensors", "report.html",
        "learning_curves.png", "confusion_matrix.png", "examples", "best.safetensors", "checkpoints",
    }  # fmt: skip
    config = tomllib.loads((folder / "config.toml").read_text())
    assert (config["model"], config["data"], config["epochs"], config["seed"]) == ("lenet", "digits", 2, 0)
    environment = json.loads((folder / "environment.json").read_text())
    assert (environment["numpy"], environment["engine"]) == (np.__version__, "numpy on cpu")
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert 0 <= float(rows[1]["val_accuracy"]) <= 1
    for name in ("learning_curves.png", "confusion_matrix.png"):
        with Image.open(folder / name) as picture:
            assert picture.size > (300, 200)
    assert folder.name.endswith("-lenet-digits")
    loaded = Model.load(folder / "model.safetensors")
    assert loaded.figures["test_accuracy"] == result["test_accuracy"]


def test_the_page_shows_the_run(run: tuple[Path, dict[str, Any], str]) -> None:
    folder, result, _ = run

    class Sources(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "img":
                self.found.append(dict(attrs)["src"] or "")

    page = (folder / "report.html").read_text()
    reader = Sources()
    reader.feed(page)
    assert {"learning_curves.png", "confusion_matrix.png"} <= set(reader.found)
    assert all((folder / name).is_file() for name in reader.found)
    assert f"{result['test_accuracy']:.2%}" in page


def test_evaluate_finds_what_train_found(
    run: tuple[Path, dict[str, Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, result, _ = run
    for path in (folder, folder.parent, folder / "model.safetensors"):
        code, out, _ = call(capsys, "evaluate", str(path), "--engine", "numpy", "--json")
        assert code == 0
        found = json.loads(out)
        assert (found["accuracy"], found["count"]) == (result["test_accuracy"], 360)
        assert found["loss"] == pytest.approx(result["test_loss"])
        assert found["accuracy"] <= found["top_5_accuracy"] <= 1
        assert 0 <= found["calibration_error"] <= 1
        right = sum(row["recall"] * row["count"] for row in found["classes"])
        assert right == pytest.approx(found["accuracy"] * 360)
    code, out, _ = call(capsys, "evaluate", str(folder), "--data", "digits")
    assert (code, out.startswith("digits: accuracy ")) == (0, True)
    assert "confidence: says " in out


def test_predict(
    run: tuple[Path, dict[str, Any], str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = run[0]
    pictures = sorted((folder / "examples").glob("*.png"))
    assert len(pictures) == 5
    code, out, _ = call(capsys, "predict", str(folder), *map(str, pictures), "--json")
    found = json.loads(out)["predictions"]
    assert code == 0
    assert [each["path"] for each in found] == [str(path) for path in pictures]
    model, test = Model.load(folder / "model.safetensors"), data.load("digits").resized(28, 28)
    for path, each in zip(pictures, found, strict=True):
        index = int(path.name.split("-")[0].removeprefix("test"))
        expected = model.predict(test.test_images[index : index + 1])[0]
        assert each["label"] == str(expected.argmax())
        assert each["probability"] == pytest.approx(float(expected.max()), abs=1e-5)

    code, out, _ = call(capsys, "predict", str(folder), str(pictures[0]), "--views", "shift", "--json")
    index = int(pictures[0].name.split("-")[0].removeprefix("test"))
    expected = model.predict(test.test_images[index : index + 1], views="shift")[0]
    assert json.loads(out)["predictions"][0]["probability"] == pytest.approx(float(expected.max()), abs=1e-5)

    inverted = tmp_path / "黑白.png"
    with Image.open(pictures[0]) as picture:
        Image.fromarray(255 - np.asarray(picture)).save(inverted)
    _, out, _ = call(capsys, "predict", str(folder), str(inverted), "--invert", "--json")
    assert json.loads(out)["predictions"][0]["probability"] == pytest.approx(found[0]["probability"], abs=1e-5)


def test_what_train_prints_last_can_be_typed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, *TRAIN, "--runs", "my runs", "--augment", "none", "--validation-split", "0")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("test accuracy ")
    assert lines[-1].endswith(str(next((tmp_path / "my runs").iterdir())))
    commands = lines[lines.index("try next:") + 1 : lines.index("try next:") + 4]
    for command in commands:
        done = subprocess.run(
            command.replace("deepen", f"{sys.executable} -m deepen", 1),
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_two_runs_in_one_second_have_two_folders(tmp_path: Path) -> None:
    from deepen.config import RunConfig

    config = RunConfig("lenet", "digits", runs=str(tmp_path))
    assert len({runs.create(config, "digits", {"engine": "numpy on cpu"}) for _ in range(5)}) == 5


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "data", "--json")
    assert [row["name"] for row in json.loads(out)["data"]] == list(data.names())
    _, out, _ = call(capsys, "data")
    assert "fashion_mnist" in out
    _, out, _ = call(capsys, "data", "digits", "--json")
    found = json.loads(out)
    assert (sum(found["train_counts"]), sum(found["test_counts"])) == (1437, 360)
    _, out, _ = call(capsys, "data", "digits")
    assert "CC BY 4.0" in out
    _, out, _ = call(capsys, "doctor", "--json")
    assert json.loads(out)["numpy"] == np.__version__
    _, out, _ = call(capsys, "doctor")
    assert "processor" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["trian"], 2, "unknown command 'trian'; did you mean 'train'?"),
        (["train", "deepconvnt", "--data", "digits"], 2, "did you mean 'deepconvnet'?"),
        (["train", "lenet", "--data", "~nosuch/x"], 1, "there is no user for ~nosuch in ~nosuch/x"),
        (["train", "lenet", "--data", "digits", "--init", "~nosuch/x"], 1, "there is no user for ~nosuch"),
        (["data", "~nosuch"], 1, "there is no user for ~nosuch in ~nosuch"),
        (["train", "lenet", "--data", "digitz"], 2, "unknown data set 'digitz'; did you mean 'digits'?"),
        (["train", "lenet"], 2, "name a MODEL and a data set: deepen train MODEL --data DATA"),
        (["train", "lenet", "--data", "digits", "--optimizer", "adma"], 2, "did you mean 'adam'?"),
        (["train", "lenet", "--data", "digits", "--schedule", "x"], 2, "known: constant, cosine"),
        (["train", "lenet", "--data", "digits", "--engine", "tf"], 2, "unknown engine"),
        (["train", "lenet", "--data", "digits", "--epochs", "x"], 2, "not a valid integer"),
        (["train", "lenet", "--data", "digits", "--epochs", "0"], 2, "epochs must be 1 or more"),
        (["train", "lenet", "--data", "digits", "--learning-rate", "-1"], 2, "learning rate must be above 0"),
        (["train", "lenet", "--data", "digits", "--device", "cuda", "--engine", "numpy"], 2, "on the cpu"),
        (["summary", "lenet", "--input-shape", "28"], 2, "three numbers"),
        (["summary", "lenet", "--input-shape", "1,4,4"], 1, "conv2 cannot fit its 5×5 window"),
        (["summary", "lenett"], 2, "did you mean 'lenet'?"),
        (["evaluate", "nowhere"], 1, "there is no file or folder nowhere"),
        (["predict", "nowhere", "x.png"], 1, "and packaged are deepconvnet@mnist, lenet@mnist"),
    ],
)
def test_errors(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = call(capsys, *arguments)
    assert not list(tmp_path.iterdir())
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err


def test_errors_of_files(
    run: tuple[Path, dict[str, Any], str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "predict", str(run[0]), str(tmp_path / "no.png"))
    assert (code, "no.png" in err) == (1, True)
    code, _, err = call(capsys, "evaluate", str(tmp_path))
    assert (code, "has a run ended?" in err) == (1, True)
    made = Model([Dense(2)], (4,))
    made.compile(engine="numpy")
    made.save(tmp_path / "m.safetensors")
    code, _, err = call(capsys, "evaluate", str(tmp_path / "m.safetensors"))
    assert (code, "--data" in err) == (2, True)
    code, _, err = call(capsys, "evaluate", str(tmp_path / "m.safetensors"), "--data", "digits")
    assert (code, "images are maps" in err) == (1, True)
    code, _, err = call(capsys, "predict", str(tmp_path / "m.safetensors"), str(tmp_path))
    assert (code, "pictures are maps" in err) == (1, True)
    code, _, err = call(capsys, "summary", str(tmp_path / "none.safetensors"))
    assert (code, "there is no file or folder" in err) == (1, True)


def test_a_broken_off_training(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(config: object, program: str) -> None:
        raise KeyboardInterrupt

    def broken(config: object, program: str) -> None:
        raise NonFiniteError("training stopped in epoch 1")

    monkeypatch.setattr(job, "train", interrupted)
    assert call(capsys, *TRAIN)[0] == 130
    monkeypatch.setattr(job, "train", broken)
    assert call(capsys, *TRAIN)[0] == 1


def test_a_misfit_is_found_before_anything_is_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(name: str) -> None:
        raise AssertionError("the data was loaded")

    monkeypatch.setattr(data, "load", never)
    code, _, err = call(capsys, "train", "lenet", "--data", "digits", "--engine", "numpy", "--device", "cuda")
    assert (code, "on the cpu" in err) == (2, True)


def test_json_is_ascii_and_holds_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    from deepen.cli.group import print_json

    print_json({"path": "图\udcff", "loss": [float("nan"), 1.5]})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["loss"] == [None, 1.5]


def test_ctrl_c_keeps_what_there_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(self: object, view: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CSVLog, "on_epoch_end", interrupt)
    code, out, err = call(capsys, *TRAIN, "--runs", str(tmp_path))
    (folder,) = tmp_path.iterdir()
    assert (code, out) == (130, "")
    assert f"go on with: deepen train --resume {os.path.relpath(folder)}" in err
    assert Model.load(folder / "model.safetensors").name == "lenet"


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "--help")
    assert (code, "train" in out) == (0, True)
    assert "\n  deepen models                             which networks there are\n" in out
    code, out, _ = call(capsys, "--version")
    assert (code, out) == (0, "deepen 0.1.0\n")
    code, out, _ = call(capsys, "train", "--help")
    assert "[default: 20]" in out
