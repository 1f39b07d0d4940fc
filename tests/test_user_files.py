"""`deepen check`, and layers and models of the user's own in every command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepen import description
from deepen.cli import main
from deepen.models import registry

OWN = """
from dataclasses import dataclass
import numpy as np
import deepen
from deepen.layers import Dense, Flatten, Sequential


@deepen.register
@dataclass(frozen=True)
class Leaky(deepen.Layer):
    slope: float = 0.1

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):
        return np.where(x > 0, x, x * x.dtype.type(self.slope)), x

    def backward(self, dy, params, cache):
        return np.where(cache > 0, dy, dy * dy.dtype.type(self.slope)), {}

    def torch_forward(self, F, x, params, ctx):
        return F.leaky_relu(x, self.slope)


@deepen.models.model("own", title="A model of one's own", year=2026, input_shape=(1, 8, 8))
def own(classes=10):
    return Sequential([Flatten(), Dense(16), Leaky(), Dense(classes)])
"""

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Call]:
    """Run a command line; what it registers is forgotten after the test."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(description, "_registry", dict(description._registry))

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    yield run
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(module)]:
        del sys.modules[name]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own_layers.py"
    file.write_text(OWN, encoding="utf-8")
    return file


@pytest.mark.parametrize("model", ["lenet", "keras_mnist", "deepconvnet"])
def test_the_models_are_right(call: Call, model: str) -> None:
    code, out, _ = call("check", model)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("layer (type)")
    assert lines[1].startswith("conv1 (Conv2D)")
    assert all(line.endswith("agrees") for line in lines[1:-2])
    count = len(lines) - 3
    assert lines[-1] == f"{count} of {count} layers agree with PyTorch and finite differences"


def test_check_as_json(call: Call) -> None:
    code, out, _ = call("check", "lenet", "--input-shape", "3,28,28", "--classes", "4", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["model"], found["passed"]) == ("lenet", True)
    first, last = found["layers"][0], found["layers"][-1]
    assert (first["path"], first["type"], first["input_shape"]) == ("conv1", "Conv2D", [3, 28, 28])
    assert {row["array"] for row in last["rows"]} == {"y", "dx", "kernel", "bias"}
    assert all(row["passed"] for row in last["rows"])


def test_one_s_own_layer_and_model_in_every_command(call: Call, own: Path, tmp_path: Path) -> None:
    train = ["train", "own", "--data", "digits", "--epochs", "1", "--engine", "numpy", "--json"]
    code, out, _ = call("--import", own, *train, "--runs", tmp_path / "runs")
    run = Path(json.loads(out)["run"])
    assert code == 0
    code, out, _ = call("--import", own, "evaluate", run, "--engine", "numpy", "--json")
    assert (code, json.loads(out)["count"]) == (0, 360)
    picture = next((run / "examples").glob("*.png"))
    code, out, _ = call("--import", own, "predict", run, picture)
    assert (code, out.startswith(str(picture))) == (0, True)
    code, out, _ = call("--import", own, "summary", run)
    assert (code, "leaky1" in out or "layer1 (Leaky)" in out) == (0, True)
    for model in (run, "own"):
        code, out, _ = call("--import", own, "check", model)
        assert (code, "layer1 (Leaky)" in out) == (0, True)
    code, out, _ = call("--import", own, "models")
    assert (code, "A model of one's own" in out) == (0, True)


def test_a_file_with_a_type_that_is_not_registered(
    call: Call, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ["train", "own", "--data", "digits", "--epochs", "1", "--engine", "numpy", "--json"]
    _, out, _ = call("--import", own, *train, "--runs", tmp_path / "runs")
    known = {name: cls for name, cls in description._registry.items() if name != "Leaky"}
    monkeypatch.setattr(description, "_registry", known)
    code, _, err = call("summary", json.loads(out)["run"])
    assert code == 1
    assert "unknown type in the description 'Leaky'" in err
    assert "import its module, or deepen --import FILE.py ..." in err


def test_a_wrong_layer_is_an_exit_code_and_a_table(call: Call, own: Path) -> None:
    wrong = OWN.replace("dy * dy.dtype.type(self.slope)", "dy").replace('"own"', '"wrong"')
    own.write_text(wrong, encoding="utf-8")
    code, out, _ = call("--import", own, "check", "wrong")
    assert code == 1
    (row,) = [line for line in out.splitlines() if line.startswith("layer1 (Leaky)")]
    assert row.endswith("DISAGREES")
    assert "\nlayer1:\nLeaky: input (N, 16)\n" in out
    assert out.endswith("\n3 of 4 layers agree with PyTorch and finite differences\n")
    code, out, _ = call("--import", own, "check", "wrong", "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, found["passed"]) == (1, False)
    assert [layer["path"] for layer in found["layers"] if not layer["passed"]] == ["layer1"]


def test_a_layer_that_raises_is_one_line(call: Call, own: Path) -> None:
    own.write_text(OWN.replace("np.where(cache", "np.where(cash"), encoding="utf-8")
    code, out, err = call("--import", own, "check", "own")
    assert (code, out) == (1, "")
    line = 1 + OWN[: OWN.index("np.where(cache")].count("\n")
    assert err == f"deepen: layer1 cannot be checked: {own}, line {line}: NameError: name 'cash' is not defined\n"


@pytest.mark.parametrize(
    ("name", "text", "code", "says"),
    [
        ("missing.py", None, 1, "--import: there is no file "),
        (
            "broken_layers.py",
            "x = 1\ny = 1 / 0\n",
            1,
            "broken_layers.py, line 2: ZeroDivisionError: division by zero",
        ),
        ("bad_syntax.py", "x = (\n", 1, "bad_syntax.py, line 1: SyntaxError: '(' was never closed"),
        ("no_such_library.py", "import nothere\n", 1, "line 1: ModuleNotFoundError: No module named 'nothere'"),
        ("json.py", "", 2, "json.py has the name of the module json ("),
        (
            "taken_name.py",
            "from deepen.models import model\nmodel('lenet', title='', year=0, input_shape=())(print)\n",
            1,
            "line 2: there is a model named 'lenet' already; choose another name",
        ),
    ],
)
def test_errors_of_the_file(call: Call, tmp_path: Path, name: str, text: str | None, code: int, says: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    found, out, err = call("--import", tmp_path / name, "models")
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert says in err


def test_several_files_and_one_of_them_twice(call: Call, own: Path, tmp_path: Path) -> None:
    (tmp_path / "more.layers.py").write_text("import own_layers\nprint(own_layers.own(3).layers[-1].units)\n")
    code, out, _ = call("--import", own, "--import", own, "--import", tmp_path / "more.layers.py", "models")
    assert (code, out.splitlines()[0]) == (0, "3")
