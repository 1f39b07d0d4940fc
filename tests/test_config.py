"""The settings of a run: there and back as TOML, their types, and their bounds."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.config import RunConfig
from deepen.errors import DeepenError, FileFormatError, UnknownNameError, UsageError
from deepen.groups import Group

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "model": TEXTS,
    "data": TEXTS,
    "epochs": st.integers(1),
    "batch_size": st.integers(1, 512),
    "optimizer": TEXTS,
    "learning_rate": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "class_weights": st.sampled_from([None, "balanced"]),
    "augment": st.lists(TEXTS.filter(lambda text: text != "none")).map(tuple),
    "l2": st.none() | st.floats(0, 1),
    "dropout": st.none() | st.floats(0, 1, exclude_max=True),
    "freeze": st.lists(TEXTS.filter(bool)).map(tuple),
    "validation_split": st.floats(0, 1, exclude_max=True),
    "health": st.booleans(),
    "seed": st.integers(0),
    "data_seed": st.none() | st.integers(0),
    "runs": TEXTS,
}


@given(st.fixed_dictionaries({}, optional=SETTINGS))
def test_there_and_back_as_toml(settings: dict[str, Any]) -> None:
    config = RunConfig(**{"model": "lenet", "data": "digits", **settings})
    again = RunConfig.from_toml(config.to_toml())
    assert again == config
    assert again.to_toml() == config.to_toml()


def test_every_setting_is_written_down() -> None:
    every = {
        "recipe": "fast", "learning_rate": 0.1, "loss": "hinge", "class_weights": "balanced", "l2": 0.1,
        "dropout": 0.5, "size": 9, "init": "m", "freeze": ("a",), "rates": ("b=1",), "patience": 1, "data_seed": 2,
        "threads": 1,
    }  # fmt: skip
    config = RunConfig("lenet", "digits", **every)  # type: ignore[arg-type]
    assert tomllib.loads(config.to_toml()).keys() == {field.name for field in fields(RunConfig)}
    assert RunConfig.from_toml(config.to_toml()) == config


def test_no_augmentation_is_not_the_usual_one() -> None:
    config = RunConfig("lenet", "digits", augment=("none",))
    assert config == RunConfig("lenet", "digits", augment=())
    assert "augment = []\n" in config.to_toml()
    assert RunConfig.from_toml(config.to_toml()).augment == ()
    with pytest.raises(UsageError, match=r"none leaves the images .* stands alone, got \('flip', 'none'\)"):
        RunConfig("lenet", "digits", augment=("flip", "none"))


def test_what_is_left_open_is_as_usual() -> None:
    config = RunConfig.from_toml('model = "lenet"\ndata = "digits"\n')
    assert config == RunConfig("lenet", "digits")
    defaults = {field.name: field.default for field in fields(RunConfig) if field.default is not MISSING}
    assert config.given() == {"model": "lenet", "data": "digits"} | {
        name: value for name, value in defaults.items() if value not in (None, ())
    }


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ('epochs = "three"', UsageError, "epochs must be a whole number, got 'three'"),
        ("epochs = 3.0", UsageError, "epochs must be a whole number, got 3.0"),
        ("epochs = true", UsageError, "epochs must be a whole number, got True"),
        ("epochs = [3]", UsageError, "epochs must be a whole number, got (3,)"),
        ("augment = 3", UsageError, "augment must be a list, each item a text, got 3"),
        ('augment = "flip"', UsageError, "augment must be a list, each item a text, got 'flip'"),
        ('rates = ["conv*=0.1", 3]', UsageError, "rates must be a list, each item a text, got ('conv*=0.1', 3)"),
        ("learning_rate = nan", UsageError, "learning_rate must be a number, got nan"),
        ('learning_rate = "0.1"', UsageError, "learning_rate must be a number, got '0.1'"),
        ("health = 1", UsageError, "health must be true or false, got 1"),
        ("optimizer = 2026-01-31", UsageError, "optimizer must be a text, got datetime.date(2026, 1, 31)"),
        ("epoch = 3", UnknownNameError, "unknown setting 'epoch'; did you mean 'epochs'?"),
        ("shift = 2", UnknownNameError, "unknown setting 'shift'; "),
        ("epochs 3", FileFormatError, "the settings are no TOML: "),
    ],
)
def test_what_is_wrong_in_toml(line: str, kind: type[DeepenError], says: str) -> None:
    with pytest.raises(kind) as caught:
        RunConfig.from_toml(f'model = "lenet"\ndata = "digits"\n{line}\n')
    assert str(caught.value).startswith(says)


def test_a_run_has_a_model_and_data() -> None:
    with pytest.raises(FileFormatError, match="the settings lack data"):
        RunConfig.from_toml('model = "lenet"')
    with pytest.raises(FileFormatError, match="the settings lack model and data"):
        RunConfig.from_toml("epochs = 3")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs must be 1 or more, got 0"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
        ({"size": 0}, "size must be 1 or more, got 0"),
        ({"patience": 0}, "patience must be 1 or more, got 0"),
        ({"workers": -1}, "workers must be 0 or more, got -1"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"data_seed": -1}, "data_seed must be 0 or more, got -1"),
        ({"runs": "caf\udce9"}, r"runs must be UTF-8, got 'caf\udce9'"),
        ({"l2": -0.1}, "l2 must be 0 or more, got -0.1"),
        ({"dropout": 1}, "dropout must be from 0 up to 1, got 1"),
        ({"validation_split": -0.1}, "validation_split must be from 0 up to 1, got -0.1"),
        ({"class_weights": "balance"}, "class_weights is \"balanced\" or not given, got 'balance'"),
        ({"rates": ("conv*",)}, "a rate is a path and a factor, such as conv*=0.1, got 'conv*'"),
        ({"rates": ("conv*=-1",)}, "a rate is a path and a factor, such as conv*=0.1, got 'conv*=-1'"),
    ],
)
def test_bounds(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunConfig("lenet", "digits", **settings)
    assert str(caught.value).startswith(says)


def test_what_is_frozen_counts_more_than_a_rate() -> None:
    config = RunConfig("lenet", "digits", rates=("conv*=0.1",), freeze=("conv1",))
    assert config.groups == (Group("conv*", rate=0.1), Group("conv1", rate=0))


def test_the_seed_decides_what_is_held_out_unless_another_does() -> None:
    assert RunConfig("lenet", "digits", seed=3).split == 3
    assert RunConfig("lenet", "digits", seed=3, data_seed=0).split == 0
