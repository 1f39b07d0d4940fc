"""What makes a training another one, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepen.data.augment import augmentation
from deepen.description import canonical_json
from deepen.engines.base import Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.environment import environment
from deepen.errors import UsageError
from deepen.groups import Group
from deepen.layers import Conv2D, Dense, Flatten, Sequential
from deepen.losses import loss
from deepen.model import Model
from deepen.optimizers import optimizer
from deepen.schedules import schedule
from deepen.training.identity import identity, machine
from deepen.training.keeper import Checkpoints
from deepen.training.loop import Plan

IMAGES, LABELS = np.random.default_rng(0).random((6, 1, 4, 4), np.float32), np.arange(6) % 2
SETUP = Setup(
    Sequential([Conv2D(2, (3, 3)), Flatten(), Dense(2)]),
    (1, 4, 4),
    augmentations=(augmentation("shift=1"),),
    groups=(Group("conv*", rate=0.5),),
)
PLAN = Plan(3, 2)
METRICS = ("accuracy",)
NETWORK = Sequential([Conv2D(3, (3, 3)), Flatten(), Dense(2)])
SAME = identity(SETUP, PLAN, METRICS, (IMAGES, LABELS), (IMAGES, LABELS))


def one_pixel_brighter() -> Any:
    images = IMAGES.copy()
    images[5, 0, 3, 3] = np.nextafter(images[5, 0, 3, 3], np.float32(2))
    return images


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("network", {"setup": replace(SETUP, network=NETWORK)}),
        ("loss", {"setup": replace(SETUP, loss=loss("cross_entropy label_smoothing=0.1"))}),
        ("optimizer", {"setup": replace(SETUP, optimizer=optimizer("adam=0.002"))}),
        ("augmentations", {"setup": replace(SETUP, augmentations=())}),
        ("groups", {"setup": replace(SETUP, groups=())}),
        ("seed", {"setup": replace(SETUP, seed=1)}),
        ("type of numbers", {"setup": replace(SETUP, dtype="float64")}),
        ("epochs", {"plan": replace(PLAN, epochs=4)}),
        ("first epoch", {"plan": replace(PLAN, first_epoch=1)}),
        ("batch size", {"plan": replace(PLAN, batch_size=3)}),
        ("schedule", {"plan": replace(PLAN, schedule=schedule("cosine"))}),
        ("metrics", {"metrics": ("accuracy", "macro_f1")}),
        ("training data", {"training": (one_pixel_brighter(), LABELS)}),
        ("training data", {"training": (IMAGES.astype(np.float64), LABELS)}),
        ("training data", {"training": (IMAGES[::-1], LABELS)}),
        ("training data", {"training": (IMAGES, 1 - LABELS)}),
        ("training data", {"training": (IMAGES[:5], LABELS[:5])}),
        ("training data", {"training": (IMAGES.reshape(6, 1, 2, 8), LABELS)}),
        ("validation data", {"validation": None}),
        ("validation data", {"validation": (IMAGES[1:], LABELS[1:])}),
    ],
)
def test_a_change_is_one_of_its_name_alone(name: str, change: dict[str, Any]) -> None:
    settings = {
        "setup": SETUP,
        "plan": PLAN,
        "metrics": METRICS,
        "training": (IMAGES, LABELS),
        "validation": (IMAGES, LABELS),
    }
    found = identity(**{**settings, **change})
    assert {key for key in SAME if found[key] != SAME[key]} == {name}


def test_every_setting_of_an_engine_counts() -> None:
    named = {"network", "input shape", "loss", "optimizer", "seed", "type of numbers", "augmentations", "groups"}
    assert named <= set(SAME)
    assert len(named) == len(Setup.__dataclass_fields__), "a setting was added: does the outcome depend on it?"
    # Workers make batches ahead, and the same ones.
    kept = {"epochs", "batch size", "schedule", "first epoch"}
    assert kept <= set(SAME)
    assert len(kept) == len(Plan.__dataclass_fields__) - 1, "a setting was added: does the outcome depend on it?"


def test_what_changes_nothing() -> None:
    fortran = np.asfortranarray(IMAGES)
    every_other = np.repeat(LABELS, 2)[::2]
    assert identity(SETUP, replace(PLAN, workers=3), METRICS, (fortran, every_other), (IMAGES, LABELS)) == SAME


def test_it_is_the_same_after_a_file() -> None:
    assert json.loads(canonical_json(SAME)) == SAME


def test_the_machine_is_what_decides_the_last_digits() -> None:
    found = machine(NumpyEngine(SETUP))
    here = {"numpy": np.__version__, "processor": environment()["processor"], "threads": found["threads"]}
    assert found == {"engine": "numpy", "device": "cpu", **here}
    assert found["threads"] >= 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"epochs": 3}, "its epochs is 2, here it is 3"),
        ({"batch_size": 3}, "its batch size is 2, here it is 3"),
        ({"schedule": "cosine"}, "its schedule is .*Constant.*, here it is .*Cosine.*"),
        ({"x": IMAGES + 1}, "its training data differs"),
        ({"validation_split": 0.5}, "its training data differs"),
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"units": 3}, "its network differs"),
    ],
)
def test_a_fit_of_another_training_is_refused(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    def fit(seed: int = 0, units: int = 2, **settings: Any) -> None:
        model = Model([Flatten(), Dense(units)], (1, 4, 4), seed=seed)
        model.compile("sgd", engine="numpy")
        usual = {"x": IMAGES, "y": LABELS, "batch_size": 2, "epochs": 2, "checkpoints": Checkpoints(tmp_path)}
        model.fit(**{**usual, **settings}, verbose=0)

    fit()
    fit(workers=2)
    with pytest.raises(UsageError, match=f"is of another training: {text}; go on with what it was begun with"):
        fit(**change)
