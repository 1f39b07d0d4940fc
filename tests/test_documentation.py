"""What the documents show is run as it stands there."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deepen
from cases import Case
from deepen import Callback, Model, Network, View, data, layers, models, register
from deepen.inspect.summary import summarize
from deepen.models import registry
from deepen.models.keras_mnist import keras_mnist
from deepen.spec import Layer
from test_layers import (
    test_engines_agree as engines_agree,
)
from test_layers import (
    test_gradients_are_finite_differences as gradients_are_finite_differences,
)
from test_layers import (
    test_shape_rule_is_what_comes_out as shape_rule_is_what_comes_out,
)

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh-CN.md"]
DOCS = [f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in block.splitlines()) for indent, block in found]


def commands(document: str) -> list[str]:
    lines = "\n".join(blocks(document, "sh")).splitlines()
    return [line for line in lines if line.startswith("deepen ")]


def run(command: str | list[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    shell = isinstance(command, str)
    done = subprocess.run(
        command, shell=shell, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_both_readmes_show_the_same() -> None:
    for language in ("sh", "python"):
        assert blocks(READMES[0], language) == blocks(READMES[1], language)
    numbers = [re.findall(r"\d[\d.,×]*\d", (ROOT / name).read_text(encoding="utf-8")) for name in READMES]
    assert set(numbers[0]) == set(numbers[1])


def make_photos(folder: Path) -> None:
    """Make what the README calls `photos` and `new`: digits pass for photos of three classes."""
    digits = data.load("digits")
    (folder / "new").mkdir()
    for label, name in enumerate(("cat", "dog", "鸟")):
        home = folder / "photos" / name
        home.mkdir(parents=True)
        images = digits.train_images[digits.train_labels == label, 0]
        for number, image in enumerate(images[:20]):
            Image.fromarray(image).resize((64, 48)).convert("RGB").save(home / f"{number}.jpg")
        Image.fromarray(images[20]).save(folder / "new" / f"{name}.jpg")


def test_the_commands_of_the_readme(tmp_path: Path) -> None:
    shown = commands("README.md")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    make_photos(tmp_path)
    assert len(shown) >= 7
    for command in shown:
        if "--data mnist" in command:
            continue  # takes minutes; see the slow test
        quick = re.sub(r"--epochs \d+", "--epochs 1", command)
        assert run(quick.replace("deepen", f"{sys.executable} -m deepen", 1), tmp_path), command


def test_the_python_of_the_readme(tmp_path: Path) -> None:
    net, first, well = blocks("README.md", "python")
    assert "⌊(64 + 2·1 − 3)/1⌋ + 1 = 64" in run([sys.executable, "-c", net], tmp_path)
    out = run([sys.executable, "-c", first], tmp_path)
    accuracy = re.search(r"test accuracy ([\d.]+)%", out)
    assert accuracy is not None
    assert float(accuracy[1]) > 80
    assert Model.load(tmp_path / "digits.safetensors").classes == tuple("0123456789")
    trained = run([sys.executable, "-c", well], tmp_path)
    assert trained.startswith("<Evaluation of 360 images")
    assert run([sys.executable, "-c", well], tmp_path) == trained, "it goes on from what is complete"


def test_what_the_readme_shows_is_what_is_printed() -> None:
    for name, lang in zip(READMES, ("en", "zh"), strict=True):
        (shown,) = blocks(name, "text")
        assert shown in str(Network.named("lenet5").explain("c3", lang))


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in [*READMES, "CONTRIBUTING.md", "CHANGELOG.md", *DOCS]:
        path = ROOT / document
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (path.parent / link).exists(), f"{document}: {link}"


def test_the_recipe_for_a_layer_and_for_a_model() -> None:
    layer, row, model = blocks("CONTRIBUTING.md", "python")
    names: dict[str, Any] = {"np": np, "register": register, "Layer": Layer, "Case": Case, **vars(layers)}
    exec("from dataclasses import dataclass\nfrom typing import ClassVar\n" + layer, names)
    exec("row = {" + row + "}", names)
    (case,) = names["row"].values()
    shape_rule_is_what_comes_out(case)
    for training in (True, False):
        engines_agree(case, training)
        gradients_are_finite_differences(case, training)

    names |= {"model": lambda name, **facts: lambda build: build, "scaled": registry.scaled}
    exec(model, names)
    assert summarize(names["tiny"](), (1, 28, 28)).parameters == 5874
    assert "5,874" in model


def test_the_version_is_the_same_everywhere() -> None:
    import tomllib

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == deepen.__version__


def small_mnist() -> tuple[Any, Any]:
    digits = data.load("digits").resized(28, 28)
    return (digits.train_images[:, 0], digits.train_labels), (digits.test_images[:, 0], digits.test_labels)


def test_the_keras_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from deepen import keras

    monkeypatch.setattr(keras.datasets.mnist, "load_data", small_mnist)
    names = runpy.run_path(str(ROOT / "examples" / "keras_script.py"))
    out = capsys.readouterr().out
    for count in ("320", "18,496", "16,010", "34,826"):
        assert re.search(rf"\b{count}\b", out), count
    assert "x_train shape: (1437, 1, 28, 28)" in out
    assert names["score"][1] > 0.9


def test_a_sequential_begins_with_its_input() -> None:
    from deepen import keras

    with pytest.raises(deepen.DeepenError, match=r"begins with keras\.Input"):
        keras.Sequential([layers.Flatten()])


def test_the_textbook_script(tmp_path: Path) -> None:
    script = str(ROOT / "examples" / "deepconvnet.py")
    out = run([sys.executable, script, "--data", "digits", "--epochs", "1", "--engine", "numpy"], tmp_path)
    final, saved = re.findall(r"^test acc.*:([\d.]+)$", out, re.MULTILINE)
    assert final == saved
    assert "=== epoch:1, train acc:" in out


needs_mnist = pytest.mark.skipif(
    data.find("mnist") is None, reason="MNIST is neither in $DEEPEN_DATA nor in the cache: deepen data mnist"
)


class Counted(Exception):  # noqa: N818 - not an error: it ends the training
    pass


@needs_mnist
def test_a_validation_split_of_a_tenth_leaves_422_steps() -> None:
    class Count(Callback):
        def on_train_begin(self, view: View) -> None:
            assert view.steps == 422
            raise Counted

    (x, t), _ = data.load_mnist()
    model = Model(keras_mnist(), (1, 28, 28))
    model.compile(engine="numpy")
    with pytest.raises(Counted):
        model.fit(x, t, batch_size=128, epochs=15, validation_split=0.1, callbacks=[Count()], verbose=0)


@pytest.mark.slow
@needs_mnist
def test_the_keras_script_reaches_99_percent(capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(ROOT / "examples" / "keras_script.py"))
    assert names["score"][1] >= 0.990


@pytest.mark.slow
@needs_mnist
def test_deepconvnet_reaches_what_the_readme_says(tmp_path: Path) -> None:
    import json

    out = run([sys.executable, "-m", "deepen", "train", "deepconvnet", "--data", "mnist", "--json"], tmp_path)
    assert json.loads(out)["test_accuracy"] >= 0.994  # one seed; the mean over three is what the README states


@pytest.mark.slow
def test_the_demo_reaches_98_percent(tmp_path: Path) -> None:
    import json

    command = re.search(r"deepen train deepconvnet --data digits.*", (ROOT / "Makefile").read_text())
    assert command is not None
    arguments = command[0].split()[1:]
    out = run([sys.executable, "-m", "deepen", *arguments, "--engine", "numpy", "--json"], tmp_path)
    assert json.loads(out)["test_accuracy"] >= 0.98
    assert models.entry(arguments[1])
