"""`deepen summary`, `deepen compare` and `deepen models`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import Call
from deepen import Model, models, pretrained
from deepen.inspect.summary import as_text, summarize
from deepen.layers import Dense, Flatten


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model's file that says what it has reached."""
    model = Model([Flatten(), Dense(3)], (1, 4, 5))
    model.compile(engine="numpy")
    model.figures = {"test_accuracy": 0.75, "data": "digits"}
    return model.save(tmp_path / "trained.safetensors")


def test_summary(call: Call, trained: Path) -> None:
    code, out, err = call("summary", "deepconvnet", "--input-shape", "1,28,28", "--classes", "10", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["parameters"], found["fixed"], found["statistics"]) == (123_552, 0, 0)
    assert found["layers"][0]["multiply_adds"] == 112_896
    _, out, _ = call("summary", "keras_mnist", "--classes", "3")
    assert "trainable parameters  23,619" in out
    _, out, _ = call("summary", "lenet", "--width", "0.5", "--input-shape", "1,20,20")
    assert "lenet: input (N, 1, 20, 20)" in out
    assert "(N, 3, 20, 20)" in out
    _, out, _ = call("summary", trained)
    assert "trainable parameters  63" in out


def test_a_pipe_gets_the_whole_table(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    _, out, _ = call("summary", "googlenet")
    assert out == as_text(summarize(models.build("googlenet"), (3, 224, 224)), "googlenet") + "\n"


def test_a_summary_with_a_diagram(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "lenet.svg"
    code, out, _ = call("summary", "lenet", "--diagram", path)
    assert (code, out.splitlines()[-1]) == (0, f"the diagram: {path}")
    assert path.read_text(encoding="utf-8").lstrip().startswith("<")
    _, out, _ = call("summary", "lenet", "--diagram", path, "--json")
    assert json.loads(out)["diagram"] == str(path)
    code, out, err = call("summary", "lenet", "--diagram", tmp_path / "lenet.png")
    assert (code, out) == (1, "")
    assert "the diagram becomes an SVG file" in err
    code, out, err = call("summary", "lenet", "--diagram", path / "lenet.svg")
    assert (code, out) == (1, "")
    assert "cannot write" in err


@pytest.mark.parametrize("command", [["summary", "vgg19"], ["compare", "vgg19", "resnet152"], ["models"]])
def test_a_description_needs_no_engine(command: list[str]) -> None:
    code = (
        f"import sys, deepen.cli\ntry: deepen.cli.main({command})\nexcept SystemExit as end: assert not end.code\n"
        "print([m for m in sys.modules if m == 'torch' or m.startswith('deepen.engines')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "19,632,062,464" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_models(call: Call) -> None:
    code, out, _ = call("models", "--json")
    assert code == 0
    found = json.loads(out)
    assert {row["name"] for row in found["models"]} == set(models.names())
    assert found["trained"] == list(pretrained.names())
    names = [row["name"] for row in found["models"]]
    order = [
        "linear",
        "alexnet",
        "vgg11",
        "vgg16_bn",
        "resnet18",
        "resnet50_torchvision",
        "resnet101",
        "densenet121",
    ]
    assert sorted(order, key=names.index) == order
    rows = {row["name"]: row for row in found["models"]}
    assert rows["resnet20"] == {
        "name": "resnet20",
        "title": "ResNet-20",
        "year": 2015,
        "input_shape": [3, 32, 32],
        "classes": 10,
        "parameters": 269_722,
        "multiply_adds": 40_551_040,
        "reported": {"accuracy": 91.25, "data": "CIFAR-10", "measure": "top-1", "note": ""},
    }
    assert rows["plain20"]["reported"] is None
    _, out, _ = call("models")
    (line,) = [line for line in out.splitlines() if "│ resnet20 " in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "resnet20", "ResNet-20", "2015", "3×32×32", "10", "269,722", "40,551,040", "91.25% (CIFAR-10)",
    ]  # fmt: skip
    assert out.splitlines()[-1].endswith("deepconvnet@mnist, lenet@mnist")


def test_compare(call: Call, trained: Path) -> None:
    code, out, _ = call("compare", "resnet20", trained, "lenet@mnist", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["measured_with"] is None
    resnet, own, lenet = found["networks"]
    assert (resnet["source"], own["source"], lenet["source"]) == ("paper", "measured", "measured")
    assert (own["name"], own["input_shape"], own["parameters"]) == (str(trained), [1, 4, 5], 63)
    assert own["accuracy"] == {"accuracy": 75.0, "data": "digits", "measure": "top-1", "note": ""}
    assert lenet["receptive_field"] == {"size": [16, 16], "stride": [4, 4], "offset": [-2, -2]}
    _, out, _ = call("compare", "resnet20", trained)
    assert "75% (digits), measured" in out


def test_compare_measures(call: Call, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deepen.inspect import timing

    monkeypatch.setattr(timing, "SECONDS", 0.0)
    code, out, _ = call("compare", trained, "linear", "--measure", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["measured_with"]["rounds"] == timing.ROUNDS
    assert all(list(each["seconds"]) == ["1", "32"] for each in found["networks"])
    _, out, _ = call("compare", trained, "linear", "--measure")
    assert "ms, batch 32" in out


@pytest.mark.parametrize(
    ("networks", "code", "says"),
    [
        (["lenet"], 2, "a comparison needs two networks or more, got 1"),
        ([], 2, "Missing argument"),
        (["lenet", "lennet"], 2, "did you mean 'lenet'"),
        (["lenet", "./none"], 1, "there is no file or folder none"),
    ],
)
def test_what_cannot_be_compared(networks: list[str], code: int, says: str, call: Call) -> None:
    found, out, err = call("compare", *networks)
    assert (found, out) == (code, "")
    assert says in err
