"""The commands that make a run, and those that use one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.config import RunConfig
from deepen.errors import DataError

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS = {field.name: field.default for field in fields(RunConfig) if field.default is not MISSING}


def _setting(name: str, help: str) -> Callable[[Command], Command]:
    """Make the option of a field of RunConfig, with its default."""
    default = _DEFAULTS[name]
    kind = float if default is None else type(default)
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, type=kind, default=default, show_default=default is not None, help=help)


@cli.command()
@click.argument("model")
@click.option("--data", required=True, help="A data set by name: see `deepen data`.")
@_setting("epochs", "How many times to go through the training images.")
@_setting("batch_size", "Images in a step.")
@_setting("optimizer", "sgd, momentum or adam.")
@_setting("learning_rate", "At the start; the optimizer's own unless given.")
@_setting("schedule", "How the rate goes on: constant or cosine.")
@_setting("shift", "Move training images by up to so many pixels; 0 leaves them.")
@_setting("validation_split", "Share of the training images that is held out.")
@_setting("seed", "Decides first weights, order, dropout and augmentation.")
@_setting("engine", "auto, numpy or torch.")
@_setting("device", "auto, cpu or cuda.")
@_setting("runs", "The folder in which the run gets its own folder.")
@as_json
def train(as_json: bool, **settings: Any) -> None:
    """Train MODEL on a data set and write a folder with the model and a report.

    MODEL is a name from `deepen models`.
    """
    from deepen import job

    config = RunConfig(**settings)
    outcome = job.train(config)
    result = {
        "model": config.model,
        "data": config.data,
        "engine": outcome.choice.engine,
        "device": outcome.choice.device,
        "seed": config.seed,
        "epochs": len(outcome.history.epoch),
        "parameters": outcome.summary.parameters,
        "test_accuracy": outcome.test.accuracy,
        "test_loss": outcome.test.loss,
        "images_per_second": outcome.images_per_second,
        "seconds": outcome.seconds,
        "run": str(outcome.folder),
    }
    if as_json:
        print_json(result)
        return
    right = round(outcome.test.accuracy * outcome.test.count)
    show(
        f"test accuracy {outcome.test.accuracy:.2%} ({right:,} of {outcome.test.count:,}), "
        f"test loss {outcome.test.loss:.4f}"
    )
    show("", "try next:", *(f"  {line}" for line in job.next_commands(_program(), outcome.folder)))
    show("", f"the run, with report.html: {outcome.folder}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", help="A data set by name; a run's own unless given.")
@_setting("engine", "auto, numpy or torch.")
@_setting("device", "auto, cpu or cuda.")
@as_json
def evaluate(model: Path, data: str | None, engine: str, device: str, as_json: bool) -> None:
    """Measure a saved MODEL on a test set.

    MODEL is a model file, a run's folder, or a folder of runs, whose newest is taken.
    """
    from deepen import data as data_sets
    from deepen.model import Model
    from deepen.runs import model_path

    loaded = Model.load(model_path(model), engine=engine, device=device)
    name = data or loaded.figures.get("data")
    if not isinstance(name, str):
        raise click.UsageError("the model does not say what it was trained on; name the data set with --data")
    if loaded.picture is None:
        raise DataError(f"{model} takes {loaded.input_shape}, but images are maps in one or three colours")
    dataset = data_sets.load(name).resized(*loaded.picture.size)
    found = loaded.evaluate(dataset.test_images, dataset.test_labels)
    if as_json:
        print_json({"accuracy": found.accuracy, "loss": found.loss, "count": found.count})
        return
    right = round(found.accuracy * found.count)
    show(f"{name}: accuracy {found.accuracy:.2%} ({right:,} of {found.count:,}), loss {found.loss:.4f}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--invert", is_flag=True, help="Swap dark and light first: the data sets of digits are white on black."
)
@as_json
def predict(model: Path, images: tuple[Path, ...], invert: bool, as_json: bool) -> None:
    """Say what a saved MODEL sees in picture files.

    MODEL is a model file, a run's folder, or a folder of runs, whose newest is taken.
    """
    import numpy as np

    from deepen.data import read_picture
    from deepen.model import Model
    from deepen.runs import model_path

    # For a few pictures NumPy is done before PyTorch would be loaded.
    loaded = Model.load(model_path(model), engine="numpy")
    if loaded.picture is None:
        raise DataError(f"{model} takes {loaded.input_shape}, but pictures are maps in one or three colours")
    pictures = np.stack([read_picture(path, loaded.picture) for path in images])
    if invert:
        pictures = 255 - pictures
    predictions = [
        {"path": str(path), "label": loaded.classes[row.argmax()], "probability": float(row.max())}
        for path, row in zip(images, loaded.predict(pictures), strict=True)
    ]
    if as_json:
        print_json({"predictions": predictions})
        return
    show(*(f"{found['path']}: {found['label']} ({found['probability']:.1%})" for found in predictions))


def _program() -> str:
    """Return what the user has to type to call this program again."""
    found = shutil.which("deepen")
    called = Path(sys.argv[0])
    if found is None and called.name == "deepen" and called.exists():
        return os.path.relpath(called)
    return "deepen"
