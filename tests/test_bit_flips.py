"""A bit that flips in a saved file is found at load, whatever bit it is."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepen import runs
from deepen.config import RunConfig
from deepen.engines.base import initial_state
from deepen.errors import FileFormatError
from deepen.layers import BatchNormalization, Dense, Flatten
from deepen.model import Model
from deepen.training.checkpoint import Checkpoint, Position
from deepen.training.history import History

FLIPS = 3_800
"""Of each file, or all of its bits: more than 10,000 together."""


def model() -> Model:
    network = Model([Flatten(), BatchNormalization(), Dense(2)], (1, 3, 3), name="模型")
    network.compile("adam average=0.9", engine="numpy")
    return network


def saved_model(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = model().save(folder / "m.safetensors")
    return path, lambda: Model.load(path, engine="numpy")


def saved_checkpoint(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = folder / "c.safetensors"
    history = History([0], {"loss": [np.nan], "accuracy": [0.5]})
    Checkpoint(initial_state(model()._setup), Position(1, 2), history, {"seed": 0}, {"threads": 1}).save(path)
    return path, lambda: Checkpoint.load(path)


def saved_settings(folder: Path) -> tuple[Path, Callable[[], object]]:
    path = runs.create(RunConfig("lenet", "/home/me/photos 图", runs=str(folder)), "photos", {}) / "config.toml"
    return path, lambda: runs.read_config(path.parent)


@pytest.mark.parametrize("save", [saved_model, saved_checkpoint, saved_settings])
def test_every_flipped_bit_is_found_and_its_file_named(
    tmp_path: Path, save: Callable[[Path], tuple[Path, Callable[[], object]]]
) -> None:
    path, load = save(tmp_path)
    good = path.read_bytes()
    bits = 8 * len(good)
    with path.open("r+b", buffering=0) as file:
        for bit in random.Random(0).sample(range(bits), min(bits, FLIPS)):
            damaged = good[bit // 8] ^ 1 << bit % 8
            os.pwrite(file.fileno(), bytes([damaged]), bit // 8)
            with pytest.raises(FileFormatError, match=re.escape(str(path))):
                load()
            os.pwrite(file.fileno(), good[bit // 8 : bit // 8 + 1], bit // 8)
    load()
