"""The command line: progress goes to stderr, results to stdout."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from deepen import __version__
from deepen.config import RunConfig
from deepen.errors import DataError, DeepenError, UnknownNameError

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS = {field.name: field.default for field in fields(RunConfig) if field.default is not MISSING}

as_json = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")


class Commands(click.Group):
    """A group that suggests the nearest command for one that does not exist."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one may be meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise UnknownNameError("command", name, self.commands)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    r"""Convolutional networks you can read, train at full speed, and look inside.

    \b
    deepen train deepconvnet --data digits    train on real digits, at once
    deepen models                             which networks there are
    deepen data                               which data sets there are
    """


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
    from deepen import job, runs

    config = RunConfig(**settings)
    outcome = job.train(config)
    result = {
        "model": config.model,
        "data": config.data,
        "engine": outcome.choice.engine,
        "device": outcome.choice.device,
        "seed": config.seed,
        "epochs": len(outcome.history.epoch),
        "parameters": _parameters(outcome.model),
        "test_accuracy": outcome.test.accuracy,
        "test_loss": outcome.test.loss,
        "images_per_second": outcome.images_per_second,
        "seconds": outcome.seconds,
        "run": str(outcome.folder),
    }
    if as_json:
        _print_json(result)
        return
    right = round(outcome.test.accuracy * outcome.test.count)
    _print(
        f"test accuracy {outcome.test.accuracy:.2%} ({right:,} of {outcome.test.count:,}), "
        f"test loss {outcome.test.loss:.4f}"
    )
    examples = sorted((outcome.folder / runs.EXAMPLES).glob("*.png"))
    _print("", "try next:", *(f"  {line}" for line in job.next_commands(_program(), outcome.folder, examples)))
    _print("", f"the run, with report.html: {outcome.folder}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", help="A data set by name; a run's own unless given.")
@_setting("engine", "auto, numpy or torch.")
@_setting("device", "auto, cpu or cuda.")
@as_json
def evaluate(model: Path, data: str | None, engine: str, device: str, as_json: bool) -> None:
    """Measure a saved MODEL (a run's folder, or a model file) on a test set."""
    from deepen import data as data_sets
    from deepen.model import Model
    from deepen.runs import model_path

    loaded = Model.load(model_path(model), engine=engine, device=device)
    name = data or loaded.figures.get("data")
    if not isinstance(name, str):
        raise click.UsageError("the model does not say what it was trained on; name the data set with --data")
    dataset = data_sets.load(name).resized(*loaded.input_shape[1:])
    found = loaded.evaluate(dataset.test_images, dataset.test_labels)
    if as_json:
        _print_json({"accuracy": found.accuracy, "loss": found.loss, "count": found.count})
        return
    right = round(found.accuracy * found.count)
    _print(f"{name}: accuracy {found.accuracy:.2%} ({right:,} of {found.count:,}), loss {found.loss:.4f}")


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@as_json
def predict(model: Path, images: tuple[Path, ...], as_json: bool) -> None:
    """Say what a saved MODEL (a run's folder, or a model file) sees in picture files."""
    import numpy as np

    from deepen.data import read_picture
    from deepen.model import Model
    from deepen.runs import model_path

    # For a few pictures NumPy is done before PyTorch would be loaded.
    loaded = Model.load(model_path(model), engine="numpy")
    if loaded.picture is None:
        raise DataError(f"{model} does not say how a picture becomes its input; save it with picture=PictureRules")
    pictures = np.stack([read_picture(path, loaded.picture) for path in images])
    predictions = [
        {"path": str(path), "label": loaded.classes[row.argmax()], "probability": float(row.max())}
        for path, row in zip(images, loaded.predict(pictures), strict=True)
    ]
    if as_json:
        _print_json({"predictions": predictions})
        return
    _print(*(f"{found['path']}: {found['label']} ({found['probability']:.1%})" for found in predictions))


@cli.command()
@click.argument("model")
@click.option("--input-shape", help="Channels, height, width, such as 1,28,28; the model's own unless given.")
@click.option("--classes", type=click.IntRange(min=1), default=10, show_default=True)
@as_json
def summary(model: str, input_shape: str | None, classes: int, as_json: bool) -> None:
    """Show the layers of MODEL: a name from `deepen models`, a run's folder, or a model file."""
    from deepen import models
    from deepen.inspect.summary import as_text, summarize

    if model in models.names() or not Path(model).exists():
        entry = models.entry(model)
        network, shape = entry.build(classes), entry.input_shape
    else:
        from deepen.model import Model
        from deepen.runs import model_path

        loaded = Model.load(model_path(Path(model)), engine="numpy")
        network, shape = loaded.network, loaded.input_shape
    found = summarize(network, _shape(input_shape) if input_shape else shape)
    if as_json:
        _print_json(found.to_data())
    else:
        _print(as_text(found, model))


@cli.command()
@click.argument("name", required=False)
@as_json
def data(name: str | None, as_json: bool) -> None:
    """List the data sets; with NAME, fetch one and count its classes."""
    from deepen import data as data_sets

    if name is None:
        rows = [_facts(data_sets.facts(each)) for each in data_sets.names()]
        if as_json:
            _print_json({"data": rows})
            return
        _table(
            ("name", "image", "classes", "training", "test", "where"),
            [
                (
                    row["name"],
                    "×".join(map(str, row["input_shape"])),
                    len(row["classes"]),
                    f"{row['train_count']:,}",
                    f"{row['test_count']:,}",
                    row["where"] or "is downloaded at its first use",
                )
                for row in rows
            ],
        )
        return
    dataset = data_sets.load(name)
    counts = [
        [int((labels == k).sum()) for k in range(len(dataset.facts.classes))]
        for labels in (dataset.train_labels, dataset.test_labels)
    ]
    row = _facts(dataset.facts) | {"train_counts": counts[0], "test_counts": counts[1]}
    if as_json:
        _print_json(row)
        return
    for key in ("title", "source", "licence", "where"):
        _print(f"{key}: {row[key]}")
    _table(("class", "training", "test"), list(zip(row["classes"], *counts, strict=True)))


@cli.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that `deepen train` knows."""
    from deepen import models as known
    from deepen.inspect.summary import summarize

    rows = []
    for name in known.names():
        entry = known.entry(name)
        parameters = summarize(entry.build(10), entry.input_shape).parameters
        rows.append((name, entry.title, entry.year, entry.input_shape, parameters))
    if as_json:
        keys = ("name", "title", "year", "input_shape", "parameters")
        _print_json({"models": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    _table(
        ("name", "title", "year", "input", "parameters (10 classes)"),
        [(n, t, y, "×".join(map(str, shape)), f"{count:,}") for n, t, y, shape, count in rows],
    )


@cli.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what this machine computes with, and which data sets it has."""
    from deepen import data as data_sets
    from deepen import engines
    from deepen.environment import environment

    choice = engines.choose()
    found: dict[str, Any] = {
        **environment(),
        "engine": f"{choice.engine} on {choice.device} ({choice.reason})",
        "threads": str(_threads(choice.engine)),
        **{f"data {name}": _where(name) or "is downloaded at its first use" for name in data_sets.names()},
    }
    if as_json:
        _print_json(found)
    else:
        _table(("", ""), list(found.items()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (data or files), 2 (usage), or 130 (interrupted)."""
    try:
        sys.exit(cli.main(arguments, prog_name="deepen", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UnknownNameError as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(2)
    except DeepenError as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        print("deepen: interrupted", file=sys.stderr)
        sys.exit(130)


def _print(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]
    _print(*(line.rstrip() for line in lines if line.strip()))


def _program() -> str:
    """Return what the user has to type to call this program again."""
    found = shutil.which("deepen")
    called = Path(sys.argv[0])
    if found is None and called.name == "deepen" and called.exists():
        return os.path.relpath(called)
    return "deepen"


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise click.UsageError(f"--input-shape is three numbers, such as 1,28,28, got {text!r}")
    return shape


def _parameters(model: Any) -> int:
    from deepen.inspect.summary import summarize

    return summarize(model.network, model.input_shape).parameters


def _facts(facts: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(facts), "where": _where(facts.name)}


def _where(name: str) -> str | None:
    from deepen import data as data_sets

    found = data_sets.find(name)
    return None if found is None else str(found)


def _threads(engine: str) -> int | None:
    if engine == "torch":
        import torch

        return torch.get_num_threads()
    return os.cpu_count()
