"""The commands that make a run, and those that use one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deepen.cli import settings, using
from deepen.cli.group import as_json, cli, print_json, show

engine_option = click.option("--engine", default="auto", show_default=True, help="auto, numpy, torch or native.")
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")


@cli.command()
@click.argument("model", required=False)
@click.option("--data", help="A data set by name (see `deepen data`), or a folder of pictures.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was stopped: its folder, or a folder of runs (the newest).",
)
@settings.options
@as_json
def train(model: str | None, data: str | None, resume: Path | None, as_json: bool, **options: Any) -> None:
    """Train MODEL on a data set and write a folder with the model and a report.

    MODEL is a name from `deepen models`. A run that was interrupted or killed goes on as if nothing had happened:
    deepen train --resume RUN.
    """
    from deepen import job, run_report

    if resume is not None:
        settings.refuse({"model": model, "data": data, **options})
        outcome = job.resume(resume, using.program())
    elif model is None or data is None:
        raise click.UsageError("name a MODEL and a data set: deepen train MODEL --data DATA")
    else:
        outcome = job.train(settings.config(model, data, options), using.program())
    config = outcome.config
    result = {
        "model": config.model,
        "data": config.data,
        "engine": outcome.choice.engine,
        "device": outcome.choice.device,
        "threads": outcome.model.engine.threads,
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
    show("", "try next:", *(f"  {line}" for line in run_report.next_commands(using.program(), outcome.folder)))
    show("", f"the run, with report.html: {outcome.folder}")


@cli.command()
@click.argument("model")
@click.option("--data", help="A data set by name, or a folder of pictures; the run's own unless given.")
@engine_option
@device_option
@click.option("--views", help="Look at every image in several ways: flip, shift or flip+shift.")
@as_json
def evaluate(model: str, data: str | None, engine: str, device: str, views: str | None, as_json: bool) -> None:
    """Measure a saved MODEL on a test set.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model such as
    deepconvnet@mnist.
    """
    from deepen.model import Model
    from deepen.runs import model_path

    loaded = Model.load(model_path(model), engine=engine, device=device)
    name, images, labels = using.test_set(model, loaded, data)
    found = loaded.evaluate(images, labels, views=views)
    if as_json:
        print_json(using.figures(found, loaded.classes, probabilities=loaded.gives_probabilities))
    else:
        using.show_figures(name, found, loaded.classes, probabilities=loaded.gives_probabilities)


@cli.command()
@click.argument("model")
@using.pictures_arguments
@as_json
def predict(
    model: str, pictures: tuple[Path, ...], top: int, invert: bool, views: str | None, as_json: bool
) -> None:
    """Say what a saved MODEL sees in PICTURES, which are files or folders of them.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model such as
    deepconvnet@mnist. Files that cannot be read are named, and the exit code is then 1.
    """
    from deepen.model import Model
    from deepen.runs import model_path

    # For a few pictures NumPy is done before PyTorch would be loaded.
    loaded = Model.load(model_path(model), engine="numpy")
    rules = using.picture_rules(model, loaded)
    using.show_predictions(loaded, rules, pictures, top=top, invert=invert, views=views, as_json=as_json)
