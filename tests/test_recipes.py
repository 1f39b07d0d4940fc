"""Recipes: what the package's say of themselves, and what is wrong with one of your own."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from deepen.config import RunConfig
from deepen.data.augment import augmentation
from deepen.errors import UnknownNameError, UsageError
from deepen.optimizers import Adam, optimizer
from deepen.schedules import Constant, schedule
from deepen.training import recipes

OWN = """
title = "Mine"
about = "A try."

[settings]
epochs = 3
optimizer = "adam=0.01 clip_norm=1"
learning_rate = 1
augment = ["shift=1"]
l2 = 0
"""

MEASURED = """
[[measured]]
model = "lenet"
data = "digits"
accuracy = 0.97
deviation = 0.001
seeds = [0, 1]
epochs = 3
seconds = 20
images_per_second = 1000.5
machine = "a laptop"
threads = 2
engine = "torch"
versions = "torch 2.10"
date = "2026-01-31"
how = "deepen train lenet --recipe mine.toml"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def replaced(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def problem(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        recipes.load(path)
    return str(caught.value)


def test_there_are_two() -> None:
    assert recipes.names() == ("fast", "textbook")


@pytest.mark.parametrize("name", recipes.names())
def test_the_packages_recipes_can_be_followed(name: str) -> None:
    settings = recipes.load(name).settings
    config = RunConfig(model="deepconvnet", data="mnist", recipe=name, **settings)
    schedule(config.schedule)
    assert config.loss is None  # the model's own
    assert optimizer(config.optimizer).learning_rate > 0
    assert [augmentation(text) for text in config.augment] or not config.augment


@pytest.mark.parametrize("name", recipes.names())
def test_the_packages_recipes_say_what_they_are_and_what_they_have_reached(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert all([recipe.title, recipe.about, recipe.source])
    assert recipe.measured
    for measured in recipe.measured:
        assert 0 < measured.accuracy <= 1
        assert 0 <= measured.deviation < 0.5
        assert len({*measured.seeds}) == len(measured.seeds) > 0
        assert measured.epochs == recipe.settings["epochs"]
        assert min(measured.seconds, measured.images_per_second, measured.threads) > 0
        assert all([measured.model, measured.data, measured.machine, measured.versions, measured.how])
        assert date.fromisoformat(measured.date)


def test_the_textbooks_recipe_is_that_of_the_study_note() -> None:
    settings = recipes.load("textbook").settings
    assert (settings["epochs"], settings["batch_size"], settings["validation_split"]) == (20, 100, 0)
    assert optimizer(settings["optimizer"]) == Adam(0.001)
    assert schedule(settings["schedule"]) == Constant()
    assert settings["augment"] == ()
    assert not {"dropout", "l2", "learning_rate"} & settings.keys()


def test_fast_has_reached_its_goal() -> None:
    recipe = recipes.load("fast")
    (found,) = [each for each in recipe.measured if (each.model, each.data) == ("deepconvnet", "mnist")]
    assert found.epochs == recipe.settings["epochs"] <= 5
    assert found.accuracy >= 0.995
    assert len(set(found.seeds)) >= 5


def test_a_setting_that_stands_in_the_wrong_place(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("epochs = 3\n")
    with pytest.raises(UsageError, match=r"own\.toml: epochs is a setting; write it below the line \[settings\]"):
        recipes.load(path)


def test_a_file_of_ones_own(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.load(own)
    assert (recipe.name, recipe.title, recipe.about, recipe.source, recipe.measured) == (
        *("mine", "Mine", "A try."),
        *("", ()),
    )
    assert recipe.settings == {
        "epochs": 3,
        "optimizer": "adam=0.01 clip_norm=1",
        "learning_rate": 1,
        "augment": ("shift=1",),
        "l2": 0,
    }
    monkeypatch.chdir(own.parent)
    assert recipes.load("mine.toml") == recipes.load(str(own)) == recipe
    assert recipes.load(own.rename("mine")) == recipe


def test_names_of_the_package_come_before_files(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    own.rename("fast")
    assert recipes.load("fast").title != "Mine"
    assert recipes.load("./fast").title == "Mine"
    assert recipes.load(own.parent / "fast").title == "Mine"


def test_what_was_measured(own: Path) -> None:
    own.write_text(OWN + MEASURED + MEASURED, encoding="utf-8")
    first, second = recipes.load(own).measured
    assert first == second
    assert (first.accuracy, first.seeds, first.date) == (0.97, (0, 1), "2026-01-31")


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("title", "titel", "unknown key in {}: 'titel'; did you mean 'title'?"),
        ("epochs", "epoch", "unknown key in {}, [settings]: 'epoch'; did you mean 'epochs'?"),
        ("accuracy", "acuracy", "unknown key in {}, [[measured]]: 'acuracy'; did you mean 'accuracy'?"),
        ("[settings]", "[setings]", "unknown key in {}: 'setings'; did you mean 'settings'?"),
    ],
)
def test_unknown_keys(own: Path, old: str, new: str, hint: str) -> None:
    own.write_text(OWN + MEASURED, encoding="utf-8")
    with pytest.raises(UnknownNameError) as caught:
        recipes.load(replaced(own, old, new))
    assert str(caught.value) == hint.format(own)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "Mine"', "title = 3", "{}: title must be a text, got 3"),
        ("epochs = 3", 'epochs = "3"', "{}, [settings]: epochs must be a whole number, got '3'"),
        ("epochs = 3", "epochs = 3.0", "{}, [settings]: epochs must be a whole number, got 3.0"),
        ("epochs = 3", "epochs = true", "{}, [settings]: epochs must be a whole number, got True"),
        ("epochs = 3", "epochs = 0", "{}, [settings]: epochs must be 1 or more, got 0"),
        ("l2 = 0", "dropout = 1", "{}, [settings]: dropout must be from 0 up to 1, got 1"),
        ("learning_rate = 1", "learning_rate = true", "{}, [settings]: learning_rate must be a number, got True"),
        ("learning_rate = 1", "learning_rate = nan", "{}, [settings]: learning_rate must be a number, got nan"),
        ('["shift=1"]', '"shift=1"', "{}, [settings]: augment must be a list, each item a text, got 'shift=1'"),
        ('["shift=1"]', "[1]", "{}, [settings]: augment must be a list, each item a text, got [1]"),
        (
            "l2 = 0",
            "seed = 3",
            "{}, [settings]: seed belongs to a single run; give it on the command line instead",
        ),
        ("adam=0.01", "adm=0.01", "{}, [settings]: unknown optimizer 'adm'; did you mean 'adam'?"),
        ("clip_norm", "clip", "{}, [settings]: unknown field of the optimizer adam: 'clip'"),
        ("l2 = 0", 'schedule = "cosin"', "{}, [settings]: unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("l2 = 0", 'loss = "hnge"', "{}, [settings]: unknown loss 'hnge'; did you mean 'hinge'?"),
        ("shift=1", "shft=1", "{}, [settings]: unknown augmentation 'shft'; did you mean 'shift'?"),
        ("shift=1", "shift=-1", "{}, [settings]: Shift: "),
        ("accuracy = 0.97", 'accuracy = "97%"', "{}, [[measured]]: accuracy must be a number, got '97%'"),
        ("[0, 1]", '["0"]', "{}, [[measured]]: seeds must be a list, each item a whole number, got ['0']"),
        ("threads = 2\n", "", "{}, [[measured]] lacks threads"),
        ("[[measured]]", "[measured]", "{}: measured must be a list, each item a table, got {{"),
        ("epochs = 3", "epochs =", "{} is no TOML: Invalid value (at line 6, column 9)"),
    ],
)
def test_what_is_wrong_in_a_file(own: Path, old: str, new: str, expected: str) -> None:
    own.write_text(OWN + MEASURED, encoding="utf-8")
    assert problem(replaced(own, old, new)).startswith(expected.format(own))


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    assert problem(path) == f"the recipe {path} cannot be read: No such file or directory"
    path.write_bytes(b"\xff\xfe\x00")
    assert problem(path).startswith(f"{path} is no TOML: 'utf-8' codec can't decode")
    path.write_text('title = "nothing else"\n', encoding="utf-8")
    assert problem(path) == f"{path} lacks the table [settings]"
    assert "cannot be read" in problem(tmp_path)


def test_unknown_recipes() -> None:
    with pytest.raises(UnknownNameError, match="unknown recipe 'textbok'; did you mean 'textbook'"):
        recipes.load("textbok")
    with pytest.raises(UnknownNameError, match="known: fast, textbook"):
        recipes.load("x")


def test_what_no_recipe_may_set_are_settings_of_a_run() -> None:
    assert {field.name for field in dataclasses.fields(RunConfig)} >= recipes._OF_A_RUN
