"""The main job: from a run's settings to a trained model and its folder, one step after the other."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from deepen import data, files, run_report, runs
from deepen.config import RunConfig
from deepen.data import Dataset
from deepen.environment import environment
from deepen.errors import DataError, NonFiniteError
from deepen.inspect.summary import summarize
from deepen.model import Model
from deepen.outcome import Outcome
from deepen.paths import owner
from deepen.preparation import Prepared, prepare
from deepen.training.callbacks import Callback
from deepen.training.csv_log import CSVLog
from deepen.training.health import Health
from deepen.training.history import History
from deepen.training.keeper import Checkpoints
from deepen.training.progress import Progress
from deepen.training.stopping import EarlyStopping
from deepen.training.tensorboard_log import TensorBoard
from deepen.training.weights_files import BestWeights
from deepen.wording import columns, padded, say

_NOT_IN_MODEL = {
    *("model", "runs", "workers", "checkpoint", "health", "tensorboard", "engine", "device", "threads", "init")
}
"""Settings that a model's file need not name."""


def train(config: RunConfig, program: str = "deepen") -> Outcome:
    """Do what the settings say: data, network, training, test, report.

    Args:
        config: the settings.
        program: what has to be typed to call this program again, should the run break off; empty gives no advice.

    Raises:
        UnknownNameError: a name in the settings is not known.
        DeepenError: something does not fit; whatever can be checked is checked before anything is downloaded.
    """
    return _run(anywhere(config), program)


def resume(given: Path, program: str = "deepen") -> Outcome:
    """Go on with a run as if nothing had happened; if it is complete, make its report anew.

    Args:
        given: the folder of the run, or a folder of runs: the newest of them is meant.
        program: what has to be typed to call this program again, should the run break off; empty gives no advice.

    Raises:
        DataError: no run is there, or its data is gone.
        FileFormatError: its settings or all of its checkpoints are damaged.
        UsageError: its data or its model is no longer the same.
    """
    folder = runs.run_path(given)
    config = runs.read_config(folder)
    if config.data not in data.names() and not Path(config.data).exists():
        raise DataError(f"{folder} goes on with the pictures it was begun with: bring {config.data} back")
    return _run(config, program, folder)


def _run(config: RunConfig, program: str, folder: Path | None = None) -> Outcome:
    run = prepare(config)
    model, source, facts = run.model, run.source, run.source.facts
    say(*_groups(model))
    if config.init and not (folder and Checkpoints(folder / runs.CHECKPOINTS).files):
        say(f"weights of {config.init}, {model.load_weights(runs.model_path(config.init))}")
    say(*source.remarks)

    dataset = run.load()
    computed_with = {"engine": str(run.choice), **environment()}
    folder = folder or runs.create(config, facts.name, computed_with)
    summary = summarize(model.network, model.input_shape)
    say(*dataset.remarks)
    say(*_describe(source, dataset))
    say(f"model: {config.model}, {summary.parameters:,} parameters")
    say(f"engine: {run.choice} ({run.choice.reason})")
    model.figures = _settings(config, source)
    callbacks = _callbacks(run, dataset, folder)
    again = [f"go on with: {program} train --resume {shlex.quote(os.path.relpath(folder))}"] if program else []
    history = _fit(run, dataset, folder, callbacks, again)
    test = model.evaluate(dataset.test_images, dataset.test_labels)
    model.figures |= {"test_accuracy": test.accuracy, "test_loss": test.loss, "test_count": test.count}
    if model.gives_probabilities:
        model.figures["calibration_error"] = test.calibration.error
    remarks = (*source.remarks, *dataset.remarks)
    health = next((each for each in callbacks if isinstance(each, Health)), None)
    outcome = Outcome(
        config, model, summary, folder, run.choice, history, test, dataset.counts, remarks, health=health
    )
    try:
        model.save(folder / runs.MODEL)
        run_report.write(computed_with, dataset, outcome)
    except DataError as error:
        raise DataError("; ".join([str(error), *again])) from error
    except OSError as error:
        problem = f"cannot write the report in {folder}: {error.strerror or error}"
        raise DataError("; ".join([problem, *again])) from error
    return outcome


def _fit(run: Prepared, dataset: Dataset, folder: Path, callbacks: list[Callback], again: list[str]) -> History:
    """Train, or go on with a training; where it breaks off, keep the model as it is."""
    config = run.config
    try:
        return run.model.fit(
            dataset.train_images,
            dataset.train_labels,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_split=run.validation_split,
            validation_data=dataset.validation,
            callbacks=callbacks,
            schedule=run.schedule,
            checkpoints=Checkpoints(folder / runs.CHECKPOINTS, config.checkpoint),
            workers=config.workers,
            verbose=0,
        )
    except KeyboardInterrupt:
        _keep(run.model, folder)
        say(*again)
        raise
    except NonFiniteError:
        _keep(run.model, folder)
        raise


def _keep(model: Model, folder: Path) -> None:
    """Save the model as it is where a training breaks off; should that fail, it is not why the run ends."""
    try:
        model.save(folder / runs.MODEL)
        say(f"the model as it is was saved in {folder}")
    except DataError as error:
        say(str(error))


def anywhere(config: RunConfig) -> RunConfig:
    """Return the settings with whole paths, so that a run can be gone on with from any folder.

    Raises:
        DataError: a path begins with the name of a user that does not exist.
    """
    found: dict[str, Any] = {}
    if config.data not in data.names() and (path := files.expanded(config.data)).exists():
        found["data"] = str(path.resolve())
    if config.init is not None and (path := files.expanded(config.init)).exists():
        found["init"] = str(path.resolve())
    return replace(config, **found)


def _callbacks(run: Prepared, dataset: Dataset, folder: Path) -> list[Callback]:
    config = run.config
    watchers: list[Callback] = [Progress(), CSVLog(folder / runs.METRICS)]
    if config.validation_split or dataset.validation is not None:
        watchers.append(BestWeights(folder / runs.BEST))
    if config.patience is not None:
        watchers.append(EarlyStopping(patience=config.patience))
    if config.tensorboard:
        watchers.append(TensorBoard(folder / runs.TENSORBOARD))
    if config.health:
        watchers.append(Health(folder / runs.HEALTH))
    return watchers


def _describe(source: data.Source, dataset: Dataset) -> Iterator[str]:
    """Yield what is trained on: sizes, and for pictures of one's own how many of each class are where."""
    facts, before, after = dataset.facts, source.facts.input_shape, dataset.facts.input_shape
    size = f"{before[2]}×{before[1]}" + (f", resized to {after[2]}×{after[1]}" if before != after else "")
    yield f"data: {facts.name}, {facts.train_count:,} training and {facts.test_count:,} test images of {size}"
    if source.counts is None:
        return
    width = max(map(columns, ("class", *facts.classes)))
    yield "  ".join([f"  {padded('class', width)}", *(f"{part:>10}" for part in dataset.counts)])
    for label, name in enumerate(facts.classes):
        yield "  ".join(
            [f"  {padded(name, width)}", *(f"{count[label]:>10,}" for count in dataset.counts.values())]
        )


def _groups(model: Model) -> Iterator[str]:
    """Yield which layers are frozen or trained at a rate of their own."""
    found: dict[float, dict[str, None]] = {}  # in order, each layer once
    for path, factor in model.rates.items():
        found.setdefault(factor, {})[owner(path)] = None
    for factor, layers in found.items():
        if factor != 1:
            yield f"{f'at {factor:g} of the rate' if factor else 'frozen'}: {', '.join(layers)}"


def _settings(config: RunConfig, source: data.Source) -> dict[str, object]:
    """Return what a model's file says of its training."""
    asked = {field.name for field in fields(RunConfig)} - _NOT_IN_MODEL
    return {
        **{name: value for name, value in config.given().items() if name in asked},
        # A folder by its whole path, so that it is found from anywhere.
        "data": config.data if source.counts is None else source.facts.source,
        "data_seed": config.split,
    }
