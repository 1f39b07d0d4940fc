"""The options of a training: what is given counts more than a recipe, and a recipe more than a default."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from command_line import Call
from deepen import job
from deepen.cli import runs, settings
from deepen.config import RunConfig
from deepen.data.augment import AUGMENTATIONS
from deepen.optimizers import OPTIMIZERS
from deepen.schedules import SCHEDULES
from deepen.training import recipes

RECIPE = """
[settings]
epochs = 3
batch_size = 10
optimizer = "momentum momentum=0.8"
learning_rate = 0.05
schedule = "constant"
loss = "cross_entropy label_smoothing=0.1"
class_weights = "balanced"
augment = ["flip", "crop=2"]
l2 = 0.001
dropout = 0.25
validation_split = 0.2
patience = 2
"""

GIVEN = {
    "epochs": 4, "batch_size": 11, "optimizer": "sgd", "learning_rate": 0.1, "schedule": "cosine", "loss": "hinge",
    "class_weights": "balanced", "augment": ("shift=1", "rotation=5"), "l2": 0.0, "dropout": 0.0, "width": 0.5,
    "size": 14, "init": "m.safetensors", "freeze": ("conv1", "conv2"), "rates": ("dense*=0.1",),
    "validation_split": 0.3, "patience": 5, "health": True, "tensorboard": True, "checkpoint": "5 steps",
    "workers": 2, "seed": 7, "data_seed": 8, "engine": "numpy", "device": "cpu", "threads": 3, "runs": "elsewhere",
}  # fmt: skip
"""A value for every option, none of them the default or the recipe's, where there is another."""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of one's own."""
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def config_of(*arguments: str) -> RunConfig:
    """Return the settings that `deepen train lenet --data digits` with these options would train with."""
    found = []

    @click.command()
    @settings.options
    def command(**options: Any) -> None:
        found.append(settings.config("lenet", "digits", options))

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return found[0]


def words(name: str) -> list[str]:
    """Return the option that gives a setting the value of GIVEN."""
    (option,) = (each for each in runs.train.params if each.name == name)
    value = GIVEN[name]
    if value is True:
        return [option.opts[0]]
    return [
        word for one in (value if isinstance(value, tuple) else [value]) for word in (option.opts[0], str(one))
    ]


def test_every_setting_has_an_option() -> None:
    assert {"model", "data", "recipe", *GIVEN} == {field.name for field in fields(RunConfig)}
    assert {option.name for option in runs.train.params} == {field.name for field in fields(RunConfig)} | {
        "resume",
        "as_json",
    }


def test_nothing_given_is_the_defaults() -> None:
    assert config_of() == RunConfig("lenet", "digits")


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_counts_more_than_the_default(name: str) -> None:
    assert config_of(*words(name)) == RunConfig("lenet", "digits", **{name: GIVEN[name]})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", tomllib.loads(RECIPE)["settings"])
def test_what_is_given_counts_more_than_a_recipe(name: str, recipe: Path) -> None:
    usual = {**recipes.load(recipe).settings, "recipe": str(recipe)}
    config = config_of("--recipe", str(recipe), *words(name))
    assert config == RunConfig("lenet", "digits", **{**usual, name: GIVEN[name]})


def test_a_recipe_counts_more_than_the_defaults(recipe: Path) -> None:
    config = config_of("--recipe", str(recipe))
    assert (config.recipe, config.epochs, config.augment, config.l2) == (str(recipe), 3, ("flip", "crop=2"), 0.001)
    assert (config.workers, config.seed) == (0, 0)
    config = config_of("--recipe", "textbook")
    assert (config.recipe, config.schedule, config.augment, config.validation_split) == (
        "textbook",
        "constant",
        (),
        0,
    )


def test_none_takes_a_recipes_augmentation_away(recipe: Path) -> None:
    assert config_of("--recipe", str(recipe), "--augment", "none").augment == ()


@pytest.mark.parametrize(
    "name", [field.name for field in fields(RunConfig) if field.default is None and field.name != "recipe"]
)
def test_none_sets_back_what_has_no_default(name: str, recipe: Path) -> None:
    usual = {**recipes.load(recipe).settings, "recipe": str(recipe)}
    config = config_of("--recipe", str(recipe), f"--{name.replace('_', '-')}", "none")
    assert config == RunConfig("lenet", "digits", **{**usual, name: None})


def test_values_keep_their_types(call: Call) -> None:
    for option, text, says in (
        ("--l2", "nil", "'nil' is not a valid float"),
        ("--patience", "2.5", "'2.5' is not a valid integer"),
        ("--epochs", "none", "'none' is not a valid integer"),
    ):
        code, _, err = call("train", "lenet", "--data", "digits", option, text)
        assert (code, says in err) == (2, True), err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("epochs", "epoch", "[settings]: 'epoch'; did you mean 'epochs'?"),
        ("epochs = 3", 'epochs = "3"', "[settings]: epochs must be a whole number, got '3'"),
        ("epochs = 3", "epochs = ", "is no TOML"),
        ('"constant"', '"constan"', "unknown schedule 'constan'; did you mean 'constant'?"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_a_usage_error(
    call: Call, recipe: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    monkeypatch.chdir(recipe.parent)
    recipe.write_text(RECIPE.replace(old, new, 1), encoding="utf-8")
    code, out, err = call("train", "lenet", "--data", "digits", "--recipe", "mine.toml")
    assert (code, out) == (2, "")
    assert says in err
    assert list(recipe.parent.iterdir()) == [recipe]


def test_a_recipe_that_is_not_there(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "train", lambda config: pytest.fail("it trained"))
    code, _, err = call("train", "lenet", "--data", "digits", "--recipe", "fas")
    assert (code, "unknown recipe 'fas'; did you mean 'fast'?" in err) == (2, True)
    code, _, err = call("train", "lenet", "--data", "digits", "--recipe", "no.toml")
    assert (code, "no.toml cannot be read: No such file or directory" in err) == (2, True)


def test_the_help_names_every_augmentation_schedule_and_optimizer() -> None:
    shown = {option.name: option.help for option in runs.train.params if isinstance(option, click.Option)}
    for name, table in (("augment", AUGMENTATIONS), ("schedule", SCHEDULES), ("optimizer", OPTIMIZERS)):
        assert [each for each in table if each not in str(shown[name])] == []
