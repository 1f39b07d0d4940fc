"""What the commands share that use a trained model or an ensemble."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deepen.cli.group import print_json, show, table
from deepen.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from deepen.arrays import Array
    from deepen.data.picture import PictureRules
    from deepen.ensemble import Ensemble
    from deepen.model import Model
    from deepen.training.evaluation import Evaluation


Command = TypeVar("Command", bound=Callable[..., Any])


def pictures_arguments(command: Command) -> Command:
    """Give a command what `show_predictions` needs from the user."""
    for declare in (
        click.option(
            "--invert", is_flag=True, help="Swap dark and light first: the data sets of digits are white on black."
        ),
        click.option(
            "--top", type=click.IntRange(min=1), default=1, show_default=True, help="How many classes to name."
        ),
        click.option("--views", help="Look at every picture in several ways: flip, shift or flip+shift."),
        click.argument("pictures", type=click.Path(path_type=Path), nargs=-1, required=True),
    ):
        command = declare(command)
    return command


def test_set(path: str, model: Model, given: str | None) -> tuple[str, Array, Array]:
    """Return the name of a data set, by default the one of the training, and its test images and labels."""
    import numpy as np

    from deepen import data

    name = given or model.figures.get("data")
    if not isinstance(name, str):
        raise click.UsageError("the model does not say what it was trained on; name the data set with --data")
    rules = picture_rules(path, model, "images")
    # The seed decides which pictures of a folder are the test's.
    drawn = model.figures.get("data_seed")
    try:
        source = data.source(name, seed=model.seed if drawn is None else drawn)
    except UnknownNameError as error:
        moved = "" if given else "; the model was trained on it: give its place now with --data"
        raise DataError(f"{error}{moved}") from error
    if strangers := set(source.facts.classes) - set(model.classes):
        raise DataError(f"{path} does not know the classes {', '.join(sorted(strangers))} of {name}")
    dataset = source.load(*rules.size, model.input_shape[0])
    number_here = np.array([model.classes.index(each) for each in source.facts.classes])
    return name, dataset.test_images, number_here[dataset.test_labels]


def picture_rules(path: str, model: Model, inputs: str = "pictures") -> PictureRules:
    """Return how a picture becomes the model's input."""
    if model.picture is None:
        raise DataError(f"{path} takes {model.input_shape}, but {inputs} are maps in one or three colours")
    return model.picture


def figures(found: Evaluation, classes: Sequence[str], *, probabilities: bool) -> dict[str, Any]:
    """Return what an evaluation found, for JSON."""
    result: dict[str, Any] = {"accuracy": found.accuracy, "loss": found.loss, "count": found.count}
    if len(classes) > 5:
        result["top_5_accuracy"] = found.top_k(5)
    if probabilities:
        result |= {"calibration_error": found.calibration.error, "calibrated": found.calibration.calibrated}
    keys = ("class", "count", "precision", "recall", "f1")
    rows = [
        dict(zip(keys, (label, int(n), *map(float, rest)), strict=True))
        for label, n, *rest in _rows(found, classes)
    ]
    return {**result, "classes": rows}


def show_figures(name: str, found: Evaluation, classes: Sequence[str], *, probabilities: bool) -> None:
    """Print what an evaluation found on a data set of that name."""
    right = round(found.accuracy * found.count)
    show(f"{name}: accuracy {found.accuracy:.2%} ({right:,} of {found.count:,}), loss {found.loss:.4f}")
    if probabilities:
        show(f"confidence: {found.calibration}")
    table(
        ("class", "images", "precision", "recall", "F1"),
        # Of a class without test images nothing can be said.
        [
            (label, f"{n:,}", *(f"{each:.1%}" if n else "–" for each in rest))
            for label, n, *rest in _rows(found, classes)
        ],
    )


def _rows(found: Evaluation, classes: Sequence[str]) -> list[tuple[Any, ...]]:
    each = found.per_class
    return list(zip(classes, each.support, each.precision, each.recall, each.f1, strict=True))


def show_predictions(
    predictor: Model | Ensemble,
    rules: PictureRules,
    pictures: tuple[Path, ...],
    *,
    top: int,
    invert: bool,
    views: str | None,
    as_json: bool,
) -> None:
    """Print what is seen in pictures; where files cannot be read, name them and exit with 1."""
    from deepen.data.gather import gather

    paths, images, unreadable = gather(pictures, rules)
    if invert:
        images = 255 - images
    rows = predictor.predict(images, views=views) if paths else ()
    predictions = [_prediction(predictor, path, row, top) for path, row in zip(paths, rows, strict=True)]
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


def _prediction(predictor: Model | Ensemble, path: Path, row: Array, top: int) -> dict[str, Any]:
    """Return what is said of one picture, the likeliest class first."""
    # A loss that does not make probabilities makes scores, of which the largest wins.
    value = "probability" if predictor.gives_probabilities else "score"
    best = (-row).argsort(kind="stable")[:top]
    ranked = [{"label": predictor.classes[k], value: float(row[k])} for k in best]
    return {"path": str(path), **ranked[0], **({"top": ranked} if top > 1 else {})}


def _worth(found: dict[str, Any]) -> str:
    return f"{found['probability']:.1%}" if "probability" in found else f"score {found['score']:.3g}"


def program() -> str:
    """Return what the user has to type to call this program again, files of their own included."""
    found = shutil.which("deepen")
    called = Path(sys.argv[0])
    name = os.path.relpath(called) if found is None and called.name == "deepen" and called.exists() else "deepen"
    files = click.get_current_context().find_root().params.get("files") or ()
    return " ".join([name, *(f"--import {shlex.quote(str(file))}" for file in files)])
