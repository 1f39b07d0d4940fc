"""The benchmarks write down how their figures were made."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepen import models
from deepen.config import RunConfig
from deepen.inspect.summary import summarize
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


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the benchmarks."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


@pytest.fixture
def digits(benchmark: Any, tmp_path: Path) -> Path:
    benchmark("common.images").write_part(
        tmp_path, "train", np.zeros((40, 1, 28, 28), np.uint8), np.arange(40) % 10
    )
    return tmp_path


def test_contenders_take_turns(benchmark: Any, digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    contest, speed, task = benchmark("common.contest"), benchmark("speed"), benchmark("common.task")
    numpy, textbook = speed.own("numpy", augment=("shift=1",)), contest.Entrant(
        "textbook script", "textbook_script", is_peer=False, networks=("deepconvnet",)
    )  # fmt: skip
    players = contest.play([numpy, textbook], "train", task.Task("lenet", 10, str(digits), 1), 2, 0.05)
    (player,) = speed.checked(players)
    figures = contest.figures(player)
    assert player.entrant.name == "deepen, numpy engine, augmented"
    assert figures["parameters"] == 61_706
    assert 0 < figures["min"] <= figures["median"] <= figures["max"]
    assert len(figures["rounds"]) == 2
    assert figures["peak_bytes"] > 2**20
    assert contest.against(player, player) == {"ratio": 1, "min": 1, "max": 1}
    assert capfd.readouterr().err.count("lenet, train, round") == 2


def test_different_networks_are_not_compared(benchmark: Any) -> None:
    class Player:
        def __init__(self, count: int | None) -> None:
            self.entrant = benchmark("common.contest").Entrant(str(count), "")
            self.facts = {"parameters": count}

    speed = benchmark("speed")
    speed.checked([Player(3), Player(None), Player(3)])
    with pytest.raises(SystemExit, match="different networks"):
        speed.checked([Player(3), Player(4)])


def test_a_contender_that_stops_is_named(benchmark: Any, digits: Path) -> None:
    contest, task = benchmark("common.contest"), benchmark("common.task")
    broken = contest.Entrant("nobody", "no_such_contender", is_peer=False)
    with pytest.raises(SystemExit, match="nobody has stopped"):
        contest.play([broken], "train", task.Task("lenet", 10, str(digits), 1), 1, 0.05)
    with pytest.raises(SystemExit, match="nobody has stopped"):
        list(contest.learn(broken, task.Task("lenet", 10, str(digits), 1)))


def test_operations_of_a_step(benchmark: Any) -> None:
    # Two convolutions and three dense layers forward, twice backward, but for the gradient of the images.
    layers = [25 * 6 * 28**2, 25 * 6 * 16 * 10**2, 400 * 120, 120 * 84, 84 * 10]
    assert benchmark("speed").step_flops("lenet") == 2 * (3 * sum(layers) - layers[0])


@pytest.mark.parametrize("name", ["deepconvnet", "lenet", "keras_mnist", "resnet20"])
def test_the_peers_networks_are_the_same(benchmark: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    networks = benchmark("contenders.pytorch_networks")
    ours, shape = models.build(name), models.entry(name).input_shape
    theirs = networks.NETWORKS[name](in_place=True)
    assert networks.parameters(theirs) == summarize(ours, shape).parameters
    assert theirs(torch.zeros(2, *shape)).shape == (2, 10)


def test_when_goals_are_reached(benchmark: Any) -> None:
    module = benchmark("time_to_accuracy")
    runs = [
        {
            "seed": 0,
            "accuracies": [0.98, 0.991, 0.989],
            "reached": module.reached([1, 2, 3], [0.98, 0.991, 0.989]),
        },
        {
            "seed": 1,
            "accuracies": [0.99, 0.992, 0.995],
            "reached": module.reached([3, 6, 9], [0.99, 0.992, 0.995]),
        },
    ]
    found = module.summary(runs)
    assert runs[0]["reached"] == {"99.0%": 2, "99.2%": None, "99.5%": None}
    assert found["median_seconds"] == {"99.0%": 2.5, "99.2%": None, "99.5%": None}
    slow = module.extrapolated({"runs": runs[1:]}, rate=160.0, count=60_000)
    assert slow["extrapolated"]
    assert slow["median_seconds"] == {"99.0%": 375.0, "99.2%": 750.0, "99.5%": 1125.0}
    table = module.table({"contenders": {"the script": slow, "the rest": found}})
    assert "| the script | about 375 | about 750 | about 1,125 |" in table
    assert "| the rest | 2 | not reached by all | not reached by all |" in table


def test_charts_say_what_they_were_drawn_from(benchmark: Any, tmp_path: Path) -> None:
    charts = benchmark("charts")
    machine = {"threads": 2, "environment": {"processor": "a processor"}, "date": "2026-01-31"}
    rates = {"images_per_second": {"deepen, native engine": {"median": 9000.0}, "a peer": {"median": 100.0}}}
    point = {
        "size": 3,
        "network": "lenet",
        **{e: {"median": 3.0, "peak_bytes": 2**20} for e in ("native", "torch")},
    }
    run = {"seconds": [1.0, 2.0], "accuracies": [0.98, 0.99]}
    results = {
        "speed": {**machine, "training": {"lenet": rates}, "inference": {"lenet": rates}},
        "time_to_accuracy": {**machine, "contenders": {"one": {"median_seconds": {"99.0%": 2.0}, "runs": [run]}}},
        "growth": {**machine, "growth": {"batch": [point], "depth": [point]}},
    }
    assert results.keys() == charts.CHARTS.keys()
    for name, content in results.items():
        result, picture = tmp_path / f"{name}.json", tmp_path / f"{name}.svg"
        result.write_text(json.dumps(content))
        charts.draw(name, result, picture)
        drawn = picture.read_text()
        assert charts.digest(result) in drawn
        assert "a processor" in drawn
        charts.draw(name, result, picture)
        assert picture.read_text() == drawn
        result.write_text(json.dumps({**content, "date": "2026-02-01"}))
        assert charts.digest(result) not in drawn


@pytest.mark.parametrize("result", sorted((BENCHMARKS / "results").glob("*.json")), ids=lambda path: path.stem)
def test_charts_are_up_to_date(benchmark: Any, result: Path) -> None:
    charts = benchmark("charts")
    if result.stem in charts.CHARTS:
        picture = charts.PICTURES / f"{result.stem}.svg"
        assert charts.digest(result) in picture.read_text(encoding="utf-8"), "call benchmarks/charts.py"
