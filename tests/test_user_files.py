"""`deepen check`, and layers and models of the user's own in every command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepen import description
from deepen.cli import checks, main
from deepen.inspect import check as check_module
from deepen.inspect.check import CheckResult
from deepen.models import registry
from deepen.paths import Shape
from deepen.spec import Layer

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


def forget_files_of(folder: Path) -> None:
    """Forget the modules that lie in a folder, with what they have registered."""
    modules = {
        n for n, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(str(folder))
    }
    for name in [name for name, cls in description._registry.items() if cls.__module__ in modules]:
        del description._registry[name]
    for name in [name for name, entry in registry._entries.items() if entry.build.__module__ in modules]:
        del registry._entries[name]
    for name in modules:
        del sys.modules[name]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Call]:
    """Run a command line; what the test's own files register is forgotten after the test."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    yield run
    forget_files_of(tmp_path)


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
    assert (code, "layer1 (Leaky)" in out) == (0, True)
    for model in (run, "own"):
        code, out, _ = call("--import", own, "check", model)
        assert (code, "layer1 (Leaky)" in out) == (0, True)
    code, out, _ = call("--import", own, "models")
    assert (code, "A model of one's own" in out) == (0, True)


def test_a_file_with_a_type_that_is_not_registered(call: Call, own: Path, tmp_path: Path) -> None:
    train = ["train", "own", "--data", "digits", "--epochs", "1", "--engine", "numpy", "--json"]
    _, out, _ = call("--import", own, *train, "--runs", tmp_path / "runs")
    forget_files_of(tmp_path)
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


BLOCKS = """
import deepen
from deepen.layers import Conv2D, Dense, Flatten, Parallel, ReLU, Residual, Sequential, SideOutput


class Halved(Residual):
    def backward(self, dy, params, cache):
        dx, gradients = super().backward(dy, params, cache)
        return dx / 2, gradients


class Named(Sequential):
    pass


@deepen.models.model("blocks", title="Of blocks", year=2026, input_shape=(1, 5, 5))
def blocks(classes=10):
    def block(kind):
        return kind(Sequential([Conv2D(2, 3, padding=1), ReLU()]))

    return Sequential(
        [
            Parallel([Sequential([Conv2D(1, 1)]), Conv2D(1, 3, padding=1)]),
            block(Residual),
            block(Residual),
            block(Halved),
            SideOutput(Sequential([Flatten(), Dense(classes)])),
            Named([Flatten(), Dense(classes)]),
        ]
    )
"""


def test_blocks_are_checked_after_what_is_in_them(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[tuple[str, int]] = []
    plain = check_module.check

    def counted(layer: Layer, input_shape: Shape, *, entries: int) -> CheckResult:
        checked.append((type(layer).__name__, entries))
        return plain(layer, input_shape, entries=entries)

    monkeypatch.setattr(check_module, "check", counted)
    (tmp_path / "blocks.py").write_text(BLOCKS, encoding="utf-8")
    code, out, _ = call("--import", tmp_path / "blocks.py", "check", "blocks")
    rows = [line.split("  ")[0] for line in out.split("\n\n")[0].splitlines()]
    assert rows[1:] == [
        "parallel1.branch1.conv1 (Conv2D)",
        "parallel1.branch2 (Conv2D)",
        "parallel1 (Parallel)",
        "residual1.conv1 (Conv2D)",
        "residual1.relu1 (ReLU)",
        "residual1 (Residual)",
        "residual2.conv1 (Conv2D)",
        "residual2.relu1 (ReLU)",
        "residual2 (Residual)",
        "residual3.conv1 (Conv2D)",
        "residual3.relu1 (ReLU)",
        "residual3 (Halved)",
        "side1.head.flatten1 (Flatten)",
        "side1.head.dense1 (Dense)",
        "side1 (SideOutput)",
        "block1.flatten1 (Flatten)",
        "block1.dense1 (Dense)",
        "block1 (Named)",
    ]
    assert code == 1
    assert out.endswith("\n17 of 18 layers agree with PyTorch and finite differences\n")
    assert "\nresidual3:\nHalved: input (N, 2, 5, 5)\n" in out
    assert [name for name, entries in checked if entries == checks.ENTRIES_OF_BLOCKS] == [
        "Parallel", "Residual", "Halved", "SideOutput", "Named",
    ]  # fmt: skip


def test_a_network_of_one_layer_goes_by_its_model_s_name(call: Call, own: Path) -> None:
    own.write_text(OWN[: OWN.index("    return Sequential")] + "    return Leaky()\n", encoding="utf-8")
    code, out, _ = call("--import", own, "check", "own")
    assert (code, out.splitlines()[1].startswith("own (Leaky)")) == (0, True)


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
        ("json.py", "", 2, "json.py has the name of Python's own module json; rename the file"),
        ("sys.py", "", 2, "sys.py has the name of Python's own module sys; rename the file"),
        ("__main__.py", "", 2, "__main__.py has the name of Python's own module __main__; rename the file"),
        ("numpy.py", "", 2, "numpy.py has the name of the module numpy ("),
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


def test_python_s_own_names_are_refused_even_where_the_file_would_be_found_first(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "turtledemo.py").write_text("", encoding="utf-8")
    code, _, err = call("--import", tmp_path / "turtledemo.py", "models")
    assert code == 2
    assert "turtledemo.py has the name of Python's own module turtledemo" in err


@pytest.mark.parametrize("name", ["my-layers.py", "123.py", "two words.py", "class.py", "layers"])
def test_names_that_python_could_not_import(call: Call, own: Path, name: str) -> None:
    code, out, _ = call("--import", own.rename(own.with_name(name)), "check", "own")
    assert code == 0
    assert "layer1 (Leaky)" in out


def test_several_files_and_one_of_them_twice(call: Call, own: Path, tmp_path: Path) -> None:
    (tmp_path / "more.layers.py").write_text("import own_layers\nprint(own_layers.own(3).layers[-1].units)\n")
    code, out, _ = call("--import", own, "--import", own, "--import", tmp_path / "more.layers.py", "models")
    assert (code, out.splitlines()[0]) == (0, "3")
