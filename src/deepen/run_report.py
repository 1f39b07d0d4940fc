"""The report of a run: its pictures, its tables, and examples to try the model on, all in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deepen import report, runs
from deepen.arrays import Array
from deepen.data import Dataset
from deepen.inspect.summary import Summary
from deepen.metrics import METRICS
from deepen.outcome import Outcome
from deepen.report import percent
from deepen.training.evaluation import Evaluation
from deepen.wording import typed

MOST_CLASSES = 200
"""Of more classes the table shows those that are told apart worst."""

TOP_5_CLASSES = 10
"""With more classes than these, being among the first five says something."""


def next_commands(program: str, folder: Path) -> list[str]:
    """Return three commands to try on a run, from the folder in which one stands."""
    run = typed(folder)
    return [
        f"{program} predict {run} {run}/{runs.EXAMPLES}/*.png",
        f"{program} evaluate {run}",
        f"{program} summary {run}",
    ]


def write(computed_with: Mapping[str, str], dataset: Dataset, outcome: Outcome) -> None:
    """Draw the pictures of a run, write its page and some examples."""
    config, classes, test = outcome.config, dataset.facts.classes, outcome.test
    _write_examples(outcome.folder, dataset)
    report.write_page(
        outcome.folder,
        title=f"{config.model} on {dataset.facts.name}",
        headline=_headline(outcome),
        warnings=[*_calibration(outcome), *_symptoms(outcome)],
        figures=_draw(dataset, outcome),
        commands=next_commands("deepen", outcome.folder),
        tables=[_class_table(classes, test), _layer_table(outcome.summary)],
        facts={
            "Data": _data(dataset, outcome),
            "Settings": {name: _setting(value) for name, value in config.given().items()},
            "Environment": dict(computed_with),
        },
    )


def _headline(outcome: Outcome) -> list[tuple[str, str]]:
    test, last = outcome.test, outcome.history.last
    many = len(test.confusion) > TOP_5_CLASSES
    return [
        ("test accuracy", percent(test.accuracy, 2)),
        *([("top-5 accuracy", percent(test.top_k(5), 2))] if many else []),
        ("test loss", f"{test.loss:.4f}"),
        ("epochs", str(len(outcome.history.epoch))),
        ("training accuracy", percent(last["accuracy"], 2)),
        ("images per second", f"{outcome.images_per_second:,.0f}"),
    ]


def _calibration(outcome: Outcome) -> list[str]:
    if not outcome.model.gives_probabilities or outcome.test.calibration.calibrated:
        return []
    return [
        f"Its probabilities are not calibrated. The model {outcome.test.calibration}. "
        "Read them as a ranking of the classes, not as chances."
    ]


def _symptoms(outcome: Outcome) -> list[str]:
    if outcome.health is None:
        return []
    found = outcome.health.symptoms(outcome.history)
    return [f"{symptom.text[0].upper()}{symptom.text[1:]}." for symptom in found]


def _draw(dataset: Dataset, outcome: Outcome) -> list[tuple[str, str]]:
    """Draw the pictures, and return the file name and the caption of each."""
    folder, test, classes = outcome.folder, outcome.test, dataset.facts.classes
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
    if outcome.health is not None and outcome.health.records:
        report.health(outcome.health.records, folder / "health.png")
        figures.append(
            ("health.png", "How activations, gradients and updates of the layers developed, epoch by epoch")
        )
    if outcome.model.gives_probabilities:
        report.reliability(test.calibration, folder / "reliability.png")
        figures.append(
            (
                "reliability.png",
                f"How often the model is right, by how sure it is. It {test.calibration}. "
                "What stays within a grey bar may be chance.",
            )
        )
    mistakes = _mistakes(test.probabilities, dataset.test_labels)
    if len(mistakes):
        names = report.drawable(classes)
        captions = [
            _from_to(names[dataset.test_labels[i]], names[test.probabilities[i].argmax()]) for i in mistakes
        ]
        report.pictures(dataset.test_images[mistakes], captions, folder / "mistakes.png")
        figures.append(("mistakes.png", "The mistakes that the model was surest of: label → prediction"))
    return figures


def _mistakes(probabilities: Array, labels: Array, most: int = 24) -> Array:
    """Return the indices of wrongly classified images, the surest first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]


def _from_to(label: str, prediction: str) -> str:
    caption = f"{label} → {prediction}"
    return caption if report.fits(caption, report.CAPTION) else f"{label}\n→ {prediction}"


def _class_table(classes: Sequence[str], test: Evaluation) -> report.Table:
    found = test.per_class
    heading, shown = "Classes", np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        heading = f"Classes: the {MOST_CLASSES} of {len(classes):,} with the lowest F1"
        # A class without test images has no F1, rather than the lowest one.
        shown = np.argsort(np.where(found.support > 0, found.f1, np.inf), kind="stable")[:MOST_CLASSES]
    rows: list[tuple[object, ...]] = []
    for k in shown.tolist():
        images = int(found.support[k])
        shares = (found.precision[k], found.recall[k], found.f1[k])
        rows.append((classes[k], images, *(percent(share, 1) if images else "–" for share in shares)))
    means = (METRICS[name](test.probabilities, test.labels) for name in ("precision", "recall", "f1"))
    return report.Table(
        heading,
        columns=("class", "images", "precision", "recall", "F1"),
        rows=rows,
        last=("mean of the classes", "", *(percent(mean, 1) for mean in means)),
        numbers=4,
    )


def _data(dataset: Dataset, outcome: Outcome) -> dict[str, str]:
    """Return how many images each part had, and what was found in them."""
    counts = {f"{part} images": f"{sum(count):,}" for part, count in dataset.counts.items()}
    if dataset.validation is None and "val_loss" in outcome.history.last:
        counts["held out of the training images"] = f"{outcome.config.validation_split:.0%}"
    return counts | ({"found": "\n".join(outcome.remarks)} if outcome.remarks else {})


def _layer_table(summary: Summary) -> report.Table:
    return report.Table(
        "Layers",
        columns=("name", "type", "output", "parameters"),
        rows=[(row.name, row.type, row.output_shape, row.parameters) for row in summary.layers],
        last=("all layers", "", "", sum(row.parameters for row in summary.layers)),
        numbers=1,
    )


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _write_examples(folder: Path, dataset: Dataset) -> None:
    """Write the first test image of each of the first five classes."""
    _, found = np.unique(dataset.test_labels, return_index=True)
    found = found[:5]
    names = [f"test{i}-class{dataset.test_labels[i]}" for i in found]
    runs.write_examples(folder, dataset.test_images[found], names)
