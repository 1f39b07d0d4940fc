"""The main job: from a run's settings to a trained model and its folder, one step after the other."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepen import data, engines, models, report, runs
from deepen.arrays import Array
from deepen.config import RunConfig
from deepen.data import Augmentation, Dataset, Shift
from deepen.description import Described
from deepen.environment import environment
from deepen.inspect.summary import Summary, summarize
from deepen.model import Model
from deepen.optimizers import Optimizer, optimizer
from deepen.schedules import schedule
from deepen.training.evaluation import Evaluation
from deepen.training.history import History
from deepen.training.progress import Progress


@dataclass(frozen=True)
class Outcome:
    """What a run has reached."""

    model: Model
    summary: Summary
    folder: Path
    choice: engines.Choice
    history: History
    test: Evaluation
    seconds: float
    """Time from the first step to the last, validation included."""

    @property
    def images_per_second(self) -> float:
        """Training throughput over all epochs, without validation."""
        history = self.history.history
        images = sum(
            rate * seconds for rate, seconds in zip(history["images_per_second"], history["seconds"], strict=True)
        )
        return images / sum(history["seconds"])


def train(config: RunConfig) -> Outcome:
    """Do what the settings say: data, network, training, test, report.

    Raises:
        UnknownNameError: a name in the settings is not known.
        DeepenError: something does not fit; whatever can be checked is checked before anything is downloaded.
    """
    facts, entry = data.facts(config.data), models.entry(config.model)
    height, width = entry.input_shape[1:]
    channels = facts.input_shape[0]
    model = Model(
        entry.build(len(facts.classes)),
        (channels, height, width),
        classes=facts.classes,
        name=config.model,
        seed=config.seed,
    )
    choice = engines.choose(config.engine, config.device)
    rule, rates = _optimizer(config), schedule(config.schedule)
    augmentations: list[Augmentation] = [Shift(config.shift)] if config.shift else []
    model.compile(rule, augmentations=augmentations, engine=choice.engine, device=choice.device)

    dataset = data.load(config.data).resized(height, width)
    computed_with = {"engine": str(choice), **environment()}
    folder = runs.create(config, computed_with)
    summary = summarize(model.network, model.input_shape)
    _say(f"data: {_describe(facts, dataset)}")
    _say(f"model: {config.model}, {summary.parameters:,} parameters")
    _say(f"engine: {choice} ({choice.reason})")
    started = time.perf_counter()
    try:
        history = model.fit(
            dataset.train_images,
            dataset.train_labels,
            batch_size=config.batch_size,
            epochs=config.epochs,
            validation_split=config.validation_split,
            callbacks=[Progress(), runs.MetricsFile(folder)],
            schedule=rates,
            verbose=0,
        )
    except KeyboardInterrupt:
        model.save(folder / runs.MODEL)
        _say(f"interrupted; the model as it is and its figures are in {folder}")
        raise
    seconds = time.perf_counter() - started
    test = model.evaluate(dataset.test_images, dataset.test_labels)
    model.figures = _figures(config, test, augmentations, rule)
    model.save(folder / runs.MODEL)
    outcome = Outcome(model, summary, folder, choice, history, test, seconds)
    _report(config, computed_with, dataset, outcome)
    return outcome


def next_commands(program: str, folder: Path) -> list[str]:
    """Return three commands to try on a run, from the folder in which one stands."""
    here = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    run = shlex.quote(str(here))
    return [
        f"{program} predict {run} {run}/{runs.EXAMPLES}/*.png",
        f"{program} evaluate {run}",
        f"{program} summary {run}",
    ]


def _optimizer(config: RunConfig) -> Optimizer:
    chosen = optimizer(config.optimizer)
    return chosen if config.learning_rate is None else type(chosen)(learning_rate=config.learning_rate)


def _describe(facts: data.Facts, dataset: Dataset) -> str:
    before, after = facts.input_shape, dataset.facts.input_shape
    text = f"{facts.name}, {facts.train_count:,} training and {facts.test_count:,} test images"
    size = f"{before[1]}×{before[2]}"
    return f"{text} of {size}" + (f", resized to {after[1]}×{after[2]}" if before != after else "")


def _figures(
    config: RunConfig, test: Evaluation, augmentations: list[Augmentation], rule: Described
) -> dict[str, object]:
    return {
        "data": config.data,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "optimizer": repr(rule),
        "schedule": config.schedule,
        "augmentations": [repr(step) for step in augmentations],
        "seed": config.seed,
        "test_accuracy": test.accuracy,
        "test_loss": test.loss,
        "test_count": test.count,
    }


def _report(config: RunConfig, computed_with: dict[str, str], dataset: Dataset, outcome: Outcome) -> None:
    """Draw the pictures of a run and write its page."""
    folder, test = outcome.folder, outcome.test
    classes = dataset.facts.classes
    report.learning_curves(outcome.history.history, folder / "learning_curves.png")
    report.confusion(test.confusion, classes, folder / "confusion_matrix.png")
    figures = [
        (
            "learning_curves.png",
            "Loss and accuracy of each epoch. In training they are counted while dropout and "
            "augmentation are at work, so they may stay behind those of the validation.",
        ),
        ("confusion_matrix.png", f"Predictions on the {test.count:,} test images"),
    ]
    mistakes = _mistakes(test.probabilities, dataset.test_labels)
    if len(mistakes):
        names = report.drawable(classes)
        captions = [f"{names[dataset.test_labels[i]]} → {names[test.probabilities[i].argmax()]}" for i in mistakes]
        report.pictures(dataset.test_images[mistakes], captions, folder / "mistakes.png")
        figures.append(("mistakes.png", "The mistakes that the model was surest of: label → prediction"))
    _write_examples(folder, dataset)
    history = outcome.history.last
    report.write_page(
        folder,
        title=f"{config.model} on {config.data}",
        headline=[
            ("test accuracy", f"{test.accuracy:.2%}"),
            ("test loss", f"{test.loss:.4f}"),
            ("epochs", str(len(outcome.history.epoch))),
            ("training accuracy", f"{history['accuracy']:.2%}"),
            ("images per second", f"{outcome.images_per_second:,.0f}"),
        ],
        settings={name: str(value) for name, value in config.given().items()},
        environment=computed_with,
        layers=outcome.summary.to_data()["layers"],
        figures=figures,
        commands=next_commands("deepen", folder),
    )


def _mistakes(probabilities: Array, labels: Array, most: int = 24) -> Array:
    """Return the indices of wrongly classified images, the surest first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]


def _write_examples(folder: Path, dataset: Dataset) -> None:
    """Write the first test image of each of the first five classes."""
    _, found = np.unique(dataset.test_labels, return_index=True)
    found = found[:5]
    names = [f"test{i}-class{dataset.test_labels[i]}" for i in found]
    runs.write_examples(folder, dataset.test_images[found], names)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
