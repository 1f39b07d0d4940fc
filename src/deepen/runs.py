"""Run folders: everything about one training, in a folder of its own that is never overwritten."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from deepen import pretrained
from deepen.arrays import Array
from deepen.config import RunConfig
from deepen.errors import DataError
from deepen.training.callbacks import Callback, View

CONFIG = "config.toml"
MODEL = "model.safetensors"
METRICS = "metrics.csv"
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
    stem = f"{datetime.now():%Y-%m-%d_%H%M%S}-{config.model}-{data}"
    number = 1
    while True:
        folder = Path(config.runs) / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            number += 1
            if number > 1000:
                raise DataError(f"cannot make a folder in {config.runs}: is it a file?") from None
        except OSError as error:
            raise DataError(f"cannot make the run's folder {folder}: {error.strerror}") from error
    (folder / CONFIG).write_text(config.to_toml(), encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(computed_with, indent=2) + "\n", encoding="utf-8")
    return folder.resolve()


class MetricsFile(Callback):
    """Appends the figures of each epoch to a run's `metrics.csv` as they come."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS

    def on_epoch_end(self, view: View) -> None:
        """Write the epoch's line, and the head before the first."""
        first = not self._path.exists()
        try:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if first:
                    writer.writerow(["epoch", *view.figures])
                writer.writerow([view.epoch + 1, *view.figures.values()])
        except OSError as error:
            # A line less in a table is no reason to lose a training.
            print(f"cannot write {self._path}: {error.strerror}; training goes on", file=sys.stderr)


def write_examples(folder: Path, images: Array, names: list[str]) -> None:
    """Write images `(N, C, H, W)` in uint8 as picture files that one can try a model on."""
    target = folder / EXAMPLES
    target.mkdir(exist_ok=True)
    for image, name in zip(images, names, strict=True):
        pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
        Image.fromarray(np.ascontiguousarray(pixels)).save(target / f"{name}.png")


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
    if (path / MODEL).is_file():
        return path / MODEL
    # The names of runs begin with date and time.
    finished = sorted(path.glob(f"*/{MODEL}"))
    if not finished:
        raise DataError(f"there is no {MODEL} in {path} or in a run in it; has a run ended?")
    return finished[-1]
