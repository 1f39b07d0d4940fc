"""The commands that make a run, and those that use one."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deepen.cli.group import as_json, cli, print_json, show, table
from deepen.config import RunConfig
from deepen.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from deepen.arrays import Array
    from deepen.model import Model

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS = {field.name: field.default for field in fields(RunConfig) if field.default is not MISSING}


def _setting(name: str, help: str, kind: type | None = None, flag: str = "") -> Callable[[Command], Command]:
    """Make the option of a field of RunConfig, with its default; a kind is needed where that is None or ()."""
    default = _DEFAULTS[name]
    return click.option(
        flag or f"--{name.replace('_', '-')}",
        name,
        type=kind or type(default),
        default=default,
        show_default=default not in (None, ()),
        multiple=default == (),
        help=help,
    )


@cli.command()
@click.argument("model")
@click.option("--data", required=True, help="A data set by name (see `deepen data`), or a folder of pictures.")
@_setting("epochs", "How many times to go through the training images.")
@_setting("batch_size", "Images in a step.")
@_setting("optimizer", "sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.")
@_setting("learning_rate", "At the start; the optimizer's own unless given.", float)
@_setting("schedule", "How the rate goes on: constant or cosine.")
@_setting("shift", "Move training images by up to so many pixels; 0 leaves them.")
@_setting("size", "Height and width of the images; the model's own unless given.", int)
@_setting("init", "Begin with the weights of a saved MODEL, as far as they fit.", str)
@_setting("freeze", "Leave layers as they are, such as 'conv*'; may be repeated.", str)
@_setting("rates", "Train layers at a factor of the rate, such as 'conv*=0.1'.", str, "--rate")
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
    from deepen import job, run_report

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
        "counts": outcome.counts,
        "remarks": outcome.remarks,
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
    if outcome.model.gives_probabilities:
        show(f"confidence: {outcome.test.calibration}")
    show("", "try next:", *(f"  {line}" for line in run_report.next_commands(_program(), outcome.folder)))
    show("", f"the run, with report.html: {outcome.folder}")


@cli.command()
@click.argument("model")
@click.option("--data", help="A data set by name, or a folder of pictures; the run's own unless given.")
@_setting("engine", "auto, numpy or torch.")
@_setting("device", "auto, cpu or cuda.")
@as_json
def evaluate(model: str, data: str | None, engine: str, device: str, as_json: bool) -> None:
    """Measure a saved MODEL on a test set.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model such as
    deepconvnet@mnist.
    """
    import numpy as np

    from deepen import data as data_sets
    from deepen.model import Model
    from deepen.runs import model_path

    loaded = Model.load(model_path(model), engine=engine, device=device)
    name = data or loaded.figures.get("data")
    if not isinstance(name, str):
        raise click.UsageError("the model does not say what it was trained on; name the data set with --data")
    if loaded.picture is None:
        raise DataError(f"{model} takes {loaded.input_shape}, but images are maps in one or three colours")
    # The seed decides which pictures of a folder are the test's.
    try:
        source = data_sets.source(name, seed=loaded.seed)
    except UnknownNameError as error:
        moved = "" if data else "; the model was trained on it: give its place now with --data"
        raise DataError(f"{error}{moved}") from error
    if strangers := set(source.facts.classes) - set(loaded.classes):
        raise DataError(f"{model} does not know the classes {', '.join(sorted(strangers))} of {name}")
    dataset = source.load(*loaded.picture.size, loaded.input_shape[0])
    number_here = np.array([loaded.classes.index(each) for each in source.facts.classes])
    found = loaded.evaluate(dataset.test_images, number_here[dataset.test_labels])
    result: dict[str, Any] = {"accuracy": found.accuracy, "loss": found.loss, "count": found.count}
    if len(loaded.classes) > 5:
        result["top_5_accuracy"] = found.top_k(5)
    if loaded.gives_probabilities:
        result |= {"calibration_error": found.calibration.error, "calibrated": found.calibration.calibrated}
    each = found.per_class
    rows = list(zip(loaded.classes, each.support, each.precision, each.recall, each.f1, strict=True))
    if as_json:
        keys = ("class", "count", "precision", "recall", "f1")
        classes = [dict(zip(keys, (label, int(n), *map(float, rest)), strict=True)) for label, n, *rest in rows]
        print_json({**result, "classes": classes})
        return
    right = round(found.accuracy * found.count)
    show(f"{name}: accuracy {found.accuracy:.2%} ({right:,} of {found.count:,}), loss {found.loss:.4f}")
    if loaded.gives_probabilities:
        show(f"confidence: {found.calibration}")
    table(
        ("class", "images", "precision", "recall", "F1"),
        # Of a class without test images nothing can be said.
        [(label, f"{n:,}", *(f"{each:.1%}" if n else "–" for each in rest)) for label, n, *rest in rows],
    )


@cli.command()
@click.argument("model")
@click.argument("pictures", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many classes to name.")
@click.option(
    "--invert", is_flag=True, help="Swap dark and light first: the data sets of digits are white on black."
)
@as_json
def predict(model: str, pictures: tuple[Path, ...], top: int, invert: bool, as_json: bool) -> None:
    """Say what a saved MODEL sees in PICTURES, which are files or folders of them.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model such as
    deepconvnet@mnist. Files that cannot be read are named, and the exit code is then 1.
    """
    from deepen.data.gather import gather
    from deepen.model import Model
    from deepen.runs import model_path

    # For a few pictures NumPy is done before PyTorch would be loaded.
    loaded = Model.load(model_path(model), engine="numpy")
    if loaded.picture is None:
        raise DataError(f"{model} takes {loaded.input_shape}, but pictures are maps in one or three colours")
    paths, images, unreadable = gather(pictures, loaded.picture)
    if invert:
        images = 255 - images
    rows = loaded.predict(images) if paths else ()
    predictions = [_prediction(loaded, path, row, top) for path, row in zip(paths, rows, strict=True)]
    if as_json:
        failed = [{"path": str(error.path), "reason": error.reason} for error in unreadable]
        print_json({"predictions": predictions, "unreadable": failed})
    else:
        for found in predictions:
            ranked = found.get("top", [found])
            show(f"{found['path']}: " + ", ".join(f"{one['label']} ({_worth(one)})" for one in ranked))
        for error in unreadable:
            print(f"deepen: {error}", file=sys.stderr)
    if unreadable:
        click.get_current_context().exit(1)


def _prediction(model: Model, path: Path, row: Array, top: int) -> dict[str, Any]:
    """Return what a model says of one picture, the likeliest class first."""
    # A loss that does not make probabilities makes scores, of which the largest wins.
    value = "probability" if model.gives_probabilities else "score"
    best = (-row).argsort(kind="stable")[:top]
    ranked = [{"label": model.classes[k], value: float(row[k])} for k in best]
    return {"path": str(path), **ranked[0], **({"top": ranked} if top > 1 else {})}


def _worth(found: dict[str, Any]) -> str:
    return f"{found['probability']:.1%}" if "probability" in found else f"score {found['score']:.3g}"


def _program() -> str:
    """Return what the user has to type to call this program again, files of their own included."""
    found = shutil.which("deepen")
    called = Path(sys.argv[0])
    program = (
        os.path.relpath(called) if found is None and called.name == "deepen" and called.exists() else "deepen"
    )
    files = click.get_current_context().find_root().params.get("files") or ()
    return " ".join([program, *(f"--import {shlex.quote(str(file))}" for file in files)])
