"""The benchmarks write down how their figures were made."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deepen.config import RunConfig
from deepen.training import recipes

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The benchmark of accuracies, whose trainings take no time."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("mnist_accuracy")

    def train(model: str, seed: int, extra: list[str]) -> dict[str, Any]:
        return {
            "test_accuracy": 0.9 + seed / 100, "seed": seed, "epochs": 5, "seconds": 2.0, "images_per_second": 9.0,
            "threads": 3, "engine": "torch", "device": "cpu", "extra": extra,
        }  # fmt: skip

    monkeypatch.setattr(module, "train", train)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def test_the_table_of_a_recipe(
    accuracy: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recipe = tmp_path / "my own.toml"
    words = ["--seeds", "2", "--recipe", str(recipe), "--", "--optimizer", "adam clip_norm=1"]
    monkeypatch.setattr(sys, "argv", ["x", *words])
    accuracy.main()
    table = capsys.readouterr().out.partition("\n")[2]
    recipe.write_text(f"[settings]\n{table}")
    (found,) = recipes.load(recipe).measured
    assert tomllib.loads(table)["measured"][0].keys() == vars(found).keys()
    assert (found.accuracy, found.seeds, found.threads) == (0.905, (0, 1), 3)
    script, model = ["python", "benchmarks/mnist_accuracy.py"], ["--model", "deepconvnet"]
    assert shlex.split(found.how) == [*script, *model, *words]
    result = json.loads((tmp_path / "mnist_accuracy_deepconvnet_my own.json").read_text())
    command = ["deepen", "train", "deepconvnet", "--data", "mnist", "--seed", "N", "--recipe", str(recipe)]
    assert shlex.split(result["command"]) == [*command, "--optimizer", "adam clip_norm=1"]
    assert result["runs"][1]["extra"] == [*command[-2:], "--optimizer", "adam clip_norm=1"]


@pytest.mark.parametrize("words", [["--seeds", "1", "--recipe", "fast"], ["--seeds", "0"]])
def test_too_few_seeds_are_refused_before_the_training(
    accuracy: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr(accuracy, "train", lambda *_: pytest.fail("it trained"))
    monkeypatch.setattr(sys, "argv", ["x", *words])
    with pytest.raises(SystemExit) as ended:
        accuracy.main()
    assert ended.value.code == 2
    assert "a recipe's deviation takes two seeds or more" in capsys.readouterr().err


def test_augmentations_are_measured_with_the_settings_of_their_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("augmentation")
    monkeypatch.setattr(module, "IMAGES", 70)
    settings = {**recipes.load("fast").settings, "optimizer": "adam=0.002 clip_norm=1", "augment": ("flip",)}
    steps, prepared = [], []
    plain = module.prepare

    def prepare(config: RunConfig) -> Any:
        prepared.append(plain(config))
        engine = prepared[-1].model.engine
        step = engine.step
        engine.step = lambda indices, moment, rate: (
            steps.append((len(indices), rate)),
            step(indices, moment, rate),
        )[1]
        return prepared[-1]

    monkeypatch.setattr(module, "prepare", prepare)
    config = RunConfig(**{**settings, "model": "deepconvnet", "data": "mnist"}, engine="torch", device="cpu")
    found = module.share(config, 1)
    assert [size for size, _ in steps] == [32, 32, 6] * 4
    assert {rate for _, rate in steps} == {0.002}
    assert [len(each.model.engine.setup.augmentations) for each in prepared] == [1, 0]
    assert {each.config.dropout for each in prepared} == {0.1}
    assert found["settings"] == config.given()
    assert min(found["with"], found["without"]) > 0
