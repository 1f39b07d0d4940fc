"""Run folders: everything about one training, in a folder of its own that is never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from deepen import folders, pretrained
from deepen.arrays import Array
from deepen.config import RunConfig
from deepen.errors import DataError

CONFIG = "config.toml"
MODEL = "model.safetensors"
ENSEMBLE = "ensemble.safetensors"
BEST = "best.safetensors"
METRICS = "metrics.csv"
HEALTH = "health.csv"
TENSORBOARD = "tensorboard"
CHECKPOINTS = "checkpoints"
EXAMPLES = "examples"


def create(config: RunConfig, data: str, computed_with: Mapping[str, str]) -> Path:
    """Make the folder `<date>_<time>-<model>-<data>` with a run's settings and what it is computed with.

    Args:
        config: the settings.
        data: what the data set is called; of a folder only its own name.
        computed_with: engine, versions, machine.

    Raises:
        DataError: the folder cannot be made.
    """
    contents = folders.described(CONFIG, config.to_toml(), computed_with)
    return folders.create(config.runs, f"{config.model}-{data}", contents)


def read_config(folder: Path) -> RunConfig:
    """Read the settings that `create` wrote, and make sure that they are those the run began with.

    Raises:
        DataError: the folder has no such file, or it cannot be read.
        FileFormatError: the file was damaged or changed.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise DataError(f"{folder} is no run's folder: there is no {CONFIG} in it")
    return folders.read_settings(path, RunConfig.from_toml)


def write_examples(folder: Path, images: Array, names: list[str]) -> None:
    """Write images `(N, C, H, W)` in uint8 as picture files that one can try a model on."""
    target = folder / EXAMPLES
    target.mkdir(exist_ok=True)
    for image, name in zip(images, names, strict=True):
        pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
        Image.fromarray(np.ascontiguousarray(pixels)).save(target / f"{name}.png")


def run_path(given: Path) -> Path:
    """Return the folder of a run for itself, or for a folder of runs (the newest).

    Raises:
        DataError: no run is there.
    """
    found = folders.newest(given, CONFIG)
    if found is None:
        raise DataError(f"{given} is no run's folder, and there is none in it: a run has a {CONFIG}")
    return found.resolve()


def model_path(given: str | Path) -> Path:
    """Return the model's file for one, a run's folder, a folder of runs (the newest), or a packaged model's name.

    Raises:
        DataError: no model is there.
        UnknownNameError: there is no packaged model of that name.
    """
    path = pretrained.resolve(given)
    if path.is_file():
        return path
    if not path.is_dir():
        packaged = ", ".join(pretrained.names())
        raise DataError(
            f"there is no file or folder {path}; `deepen train` makes runs to look at, and packaged are {packaged}"
        )
    finished = folders.newest(path, MODEL)
    if finished is None:
        cure = "its ensemble is for `deepen ensemble`" if any(path.rglob(ENSEMBLE)) else "has a run ended?"
        raise DataError(f"there is no {MODEL} in {path} or in a run in it; {cure}")
    return finished / MODEL
