"""The commands that make and use an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepen.cli import runs, settings, using
from deepen.cli.group import Commands, as_json, cli, print_json, show, table

if TYPE_CHECKING:
    from deepen.ensemble import EnsembleEvaluation

_OWN = {"model", "data", "recipe", "resume", "as_json"}
"""What an ensemble's training takes in its own way; everything else is as for a single model."""


@cli.group(cls=Commands)
def ensemble() -> None:
    """Train several models that decide together, and use them.

    \b
    deepen ensemble train lenet --data digits --members 5
    deepen ensemble evaluate runs
    deepen ensemble predict runs picture.png
    """  # noqa: D301 - click reads the control character \b


@ensemble.command(params=[each for each in runs.train.params if each.name not in _OWN])
@click.argument("model", required=False)
@click.option("--data", help="A data set by name (see `deepen data`), or a folder of pictures.")
@click.option(
    "--members", type=click.IntRange(min=1), help="Seeds for each recipe; 5, or 1 where there are several recipes."
)
@click.option("--recipe", "recipes", multiple=True, help="Settings by name or from a file; may be repeated.")
@click.option(
    "--average", help="What of the members is averaged: probabilities or logits.  [default: probabilities]"
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Go on with an ensemble: its folder, or a folder of ensembles (the newest).",
)
@as_json
def train(
    model: str | None,
    data: str | None,
    members: int | None,
    recipes: tuple[str, ...],
    average: str | None,
    resume: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train members of MODEL that differ in their seed, or in their recipe, and save them as one file.

    MODEL is a name from `deepen models`. The seeds count up from --seed; all members are measured on the same
    test images. --resume FOLDER goes on where a training was interrupted.
    """
    from deepen import ensemble_job
    from deepen.ensemble_config import EnsembleConfig

    if resume is not None:
        others = {
            "model": model,
            "data": data,
            "members": members,
            "recipes": recipes,
            "average": average,
            **options,
        }
        settings.refuse(others)
        outcome = ensemble_job.resume(resume, using.program())
    elif model is None or data is None:
        raise click.UsageError("name a MODEL and a data set: deepen ensemble train MODEL --data DATA")
    else:
        bases = [settings.config(model, data, {**options, "recipe": recipe}) for recipe in recipes or (None,)]
        seeds = members or (5 if len(bases) == 1 else 1)
        config = EnsembleConfig.of(bases, seeds, average or "probabilities")
        outcome = ensemble_job.train(config, using.program())
    test, first = outcome.test, outcome.config.members[0]
    rows = _members(test, [(member.seed, member.recipe) for member in outcome.config.members])
    if as_json:
        print_json(
            {
                "model": first.model,
                "data": first.data,
                "average": outcome.config.average,
                **_for_json(test, rows),
                "accuracy": test.accuracy,
                "loss": test.loss,
                "count": test.count,
                "folder": str(outcome.folder),
            }
        )
        return
    _show_members(test, rows)
    show("", "try next:")
    show(*(f"  {line}" for line in ensemble_job.next_commands(using.program(), outcome.folder)))
    show("", f"the ensemble, with the runs of its members: {outcome.folder}")


@ensemble.command()
@click.argument("path", metavar="ENSEMBLE")
@click.option("--data", help="A data set by name, or a folder of pictures; the members' own unless given.")
@click.option("--views", help="Average over views of each image as well: flip, shift or flip+shift.")
@runs.engine_option
@runs.device_option
@as_json
def evaluate(path: str, data: str | None, views: str | None, engine: str, device: str, as_json: bool) -> None:
    """Measure an ENSEMBLE and each of its members on a test set.

    ENSEMBLE is its file, its folder, or a folder of ensembles (the newest).
    """
    from deepen.ensemble import Ensemble
    from deepen.ensemble_job import ensemble_path

    loaded = Ensemble.load(ensemble_path(path), engine=engine, device=device)
    name, images, labels = using.test_set(path, loaded.members[0], data)
    found = loaded.evaluate(images, labels, views=views)
    known = loaded.gives_probabilities
    rows = _members(found, [(member.seed, member.figures.get("recipe")) for member in loaded.members])
    if as_json:
        print_json({**using.figures(found, loaded.classes, probabilities=known), **_for_json(found, rows)})
    else:
        _show_members(found, rows)
        show("")
        using.show_figures(name, found, loaded.classes, probabilities=known)


@ensemble.command()
@click.argument("path", metavar="ENSEMBLE")
@using.pictures_arguments
@as_json
def predict(
    path: str, pictures: tuple[Path, ...], top: int, invert: bool, views: str | None, as_json: bool
) -> None:
    """Say what an ENSEMBLE sees in PICTURES, which are files or folders of them.

    ENSEMBLE is its file, its folder, or a folder of ensembles (the newest). Files that cannot be read are named,
    and the exit code is then 1.
    """
    from deepen.ensemble import Ensemble
    from deepen.ensemble_job import ensemble_path

    # For a few pictures NumPy is done before PyTorch would be loaded.
    loaded = Ensemble.load(ensemble_path(path), engine="numpy")
    rules = using.picture_rules(path, loaded.members[0])
    using.show_predictions(loaded, rules, pictures, top=top, invert=invert, views=views, as_json=as_json)


def _members(test: EnsembleEvaluation, facts: Sequence[tuple[int, Any]]) -> list[dict[str, Any]]:
    """Return the seed and the recipe of each member, which are given, and what it reaches alone."""
    return [
        {"seed": seed, "recipe": recipe, "accuracy": alone.accuracy, "loss": alone.loss}
        for (seed, recipe), alone in zip(facts, test.members, strict=True)
    ]


def _for_json(test: EnsembleEvaluation, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the members, and how far they disagree, for JSON."""
    return {
        "members": rows,
        "disagreement": test.disagreement,
        "disagreements": test.disagreements.tolist(),
    }


def _show_members(test: EnsembleEvaluation, rows: Sequence[dict[str, Any]]) -> None:
    """Print what each member reaches alone, what they reach together, and how far they disagree."""
    cells = [
        (number, row["seed"], row["recipe"] or "–", f"{row['accuracy']:.2%}", f"{row['loss']:.4f}")
        for number, row in enumerate(rows, 1)
    ]
    together = ("all", "", "", f"{test.accuracy:.2%}", f"{test.loss:.4f}")
    table(("member", "seed", "recipe", "accuracy", "loss"), [*cells, together])
    show(
        f"together {test.accuracy:.2%} of {test.count:,} test images; two members disagree on "
        f"{test.disagreement:.2%} of them on average"
    )
