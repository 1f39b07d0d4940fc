"""The main job: from a run's settings to a trained model and its folder, one step after the other."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from deepen import data, engines, models, run_report, runs
from deepen.config import RunConfig
from deepen.data import Augmentation, Dataset, Shift
from deepen.description import Described
from deepen.environment import environment
from deepen.errors import ShapeError, UsageError
from deepen.inspect.summary import summarize
from deepen.model import Model
from deepen.optimizers import Optimizer, optimizer
from deepen.outcome import Outcome
from deepen.paths import owner
from deepen.schedules import schedule
from deepen.training.evaluation import Evaluation
from deepen.training.progress import Progress
from deepen.wording import columns, padded


def train(config: RunConfig) -> Outcome:
    """Do what the settings say: data, network, training, test, report.

    Raises:
        UnknownNameError: a name in the settings is not known.
        DeepenError: something does not fit; whatever can be checked is checked before anything is downloaded.
    """
    entry = models.entry(config.model)
    rule, rates = _optimizer(config), schedule(config.schedule)
    choice = engines.choose(config.engine, config.device)
    source = data.source(config.data, seed=config.seed, validation_split=config.validation_split)
    facts = source.facts
    model = _model(config, entry, facts)
    height, width = model.input_shape[1:]
    augmentations: list[Augmentation] = [Shift(config.shift)] if config.shift else []
    model.compile(
        rule, augmentations=augmentations, groups=config.groups, engine=choice.engine, device=choice.device
    )
    _say(*_groups(model))
    if config.init:
        _say(f"weights of {config.init}, {model.load_weights(runs.model_path(config.init))}")
    _say(*source.remarks)

    dataset = source.load(height, width)
    computed_with = {"engine": str(choice), **environment()}
    folder = runs.create(config, facts.name, computed_with)
    summary = summarize(model.network, model.input_shape)
    _say(*dataset.remarks)
    _say(*_describe(source, dataset))
    _say(f"model: {config.model}, {summary.parameters:,} parameters")
    _say(f"engine: {choice} ({choice.reason})")
    started = time.perf_counter()
    try:
        history = model.fit(
            dataset.train_images,
            dataset.train_labels,
            batch_size=config.batch_size,
            epochs=config.epochs,
            # Of a folder the source has drawn the validation already, copies of a picture together.
            validation_split=config.validation_split if source.counts is None else 0.0,
            validation_data=dataset.validation,
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
    model.figures = _figures(config, source, test, augmentations, rule)
    if model.gives_probabilities:
        model.figures["calibration_error"] = test.calibration.error
    model.save(folder / runs.MODEL)
    remarks = (*source.remarks, *dataset.remarks)
    outcome = Outcome(model, summary, folder, choice, history, test, seconds, dataset.counts, remarks)
    run_report.write(config, computed_with, dataset, outcome)
    return outcome


def _model(config: RunConfig, entry: models.Entry, facts: data.Facts) -> Model:
    height, width = entry.input_shape[1:] if config.size is None else (config.size, config.size)
    if config.shift >= min(height, width):
        raise UsageError(
            f"--shift {config.shift} moves images of {width}×{height} out of sight; give a smaller one"
        )
    network, shape = entry.build(len(facts.classes)), (facts.input_shape[0], height, width)
    try:
        return Model(network, shape, classes=facts.classes, name=config.model, seed=config.seed)
    except ShapeError as error:
        if config.size is None:
            raise
        raise UsageError(
            f"{config.model} cannot take images of {width}×{height} ({error}); try a larger --size"
        ) from error


def _optimizer(config: RunConfig) -> Optimizer:
    chosen = optimizer(config.optimizer)
    return chosen if config.learning_rate is None else type(chosen)(learning_rate=config.learning_rate)


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


def _figures(
    config: RunConfig,
    source: data.Source,
    test: Evaluation,
    augmentations: list[Augmentation],
    rule: Described,
) -> dict[str, object]:
    return {
        # A folder by its whole path, so that it is found from anywhere.
        "data": config.data if source.counts is None else source.facts.source,
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


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)
