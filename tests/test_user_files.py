"""Layers and models of the user's own in every command, from the file that `--import` names."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest

from command_line import Call, forget_files_of


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


def test_a_file_finds_the_modules_beside_it(call: Call, own: Path, tmp_path: Path) -> None:
    text = "import yardstick\nfrom own_layers import Leaky\nprint(yardstick.LENGTH, Leaky.__module__)\n"
    (tmp_path / "more_layers.py").write_text(text, encoding="utf-8")
    (tmp_path / "yardstick.py").write_text("LENGTH = 3\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "yardstick.py").write_text("LENGTH = 4\n", encoding="utf-8")
    sys.path.insert(0, str(elsewhere))
    code, out, _ = call("--import", tmp_path / "more_layers.py", "check", "own")
    assert (code, out.splitlines()[0], "layer1 (Leaky)" in out) == (0, "3 own_layers", True)


def test_what_is_imported_late_is_found_and_hides_no_library(call: Call, tmp_path: Path) -> None:
    text = """
        import deepen
        @deepen.models.model("late", title="", year=2026, input_shape=(1, 2, 2))
        def late(classes=10):
            import later_layers
            return later_layers.network
    """
    (tmp_path / "late_model.py").write_text(textwrap.dedent(text), encoding="utf-8")
    (tmp_path / "later_layers.py").write_text(
        "from deepen.layers import Flatten\nnetwork = Flatten()\n", encoding="utf-8"
    )
    code, out, _ = call("--import", tmp_path / "late_model.py", "check", "late")
    assert (code, "late (Flatten)" in out) == (0, True)
    assert sys.path[-1] == str(tmp_path)
    assert str(tmp_path) not in sys.path[:-1]


@pytest.mark.parametrize("option", ["--import", "--import=x.py"])
def test_an_option_behind_the_command_is_told_where_it_goes(call: Call, option: str) -> None:
    code, _, err = call("models", option)
    assert code == 2
    assert err.endswith("Error: --import goes before the command: deepen --import FILE.py models ...\n")


def test_other_options_that_do_not_exist(call: Call) -> None:
    code, _, err = call("models", "--imprt")
    assert code == 2
    assert "No such option" in err
