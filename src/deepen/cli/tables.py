"""The commands that set networks in tables: the layers of one, several side by side, and all models by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.cli.networks import (
    by_name,
    classes_option,
    diagram_option,
    drawn,
    input_shape_option,
    network_of,
    parsed_shape,
    width_option,
)

if TYPE_CHECKING:
    from deepen.model import Model


@cli.command()
@click.argument("model")
@input_shape_option
@classes_option
@width_option
@diagram_option
@as_json
def summary(
    model: str,
    input_shape: str | None,
    classes: int | None,
    width: float,
    diagram: Path | None,
    as_json: bool,
) -> None:
    """Show the layers of MODEL: their shapes, and what they cost and see.

    MODEL is a name from `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen.inspect.summary import as_table, summarize

    network, shape = network_of(model, input_shape, classes, width)
    found = summarize(network, shape)
    picture = drawn(diagram, network, shape, model)
    if as_json:
        print_json(found.to_data() | picture)
        return
    as_table(found, model).show()
    if picture:
        show(f"the diagram: {picture['diagram']}")


@cli.command()
@click.argument("networks", nargs=-1, required=True, metavar="MODEL_OR_RUN...")
@input_shape_option
@classes_option
@width_option
@click.option("--measure", is_flag=True, help="Also measure how long an image takes, with random weights.")
@as_json
def compare(
    networks: tuple[str, ...],
    input_shape: str | None,
    classes: int | None,
    width: float,
    measure: bool,
    as_json: bool,
) -> None:
    """Put networks side by side: what they cost, what they see, and what they reach.

    Each is a name from `deepen models`, with the accuracy that its paper reports, or a model file, a run's folder
    or a folder of runs (the newest), with the accuracy that was measured. Another shape, number of classes or
    width is for the models by name, whose accuracies are then not known.
    """
    from deepen.inspect.compare import as_table
    from deepen.inspect.compare import compare as compared
    from deepen.network import Network

    shape = parsed_shape(input_shape) if input_shape else None
    changed = shape is not None or classes is not None or width != 1

    def candidate(given: str) -> str | Network:
        if not by_name(given):
            return _loaded(given)
        return Network.named(given, classes=classes, width=width, input_shape=shape) if changed else given

    found = compared(*map(candidate, networks), measure=measure)
    if as_json:
        print_json(found.to_data())
    else:
        as_table(found).show()


def _loaded(path: str) -> Model:
    """Return the model at a path; it is called by that, since several runs may be of one model."""
    from deepen.model import Model
    from deepen.runs import model_path

    model = Model.load(model_path(path), engine="numpy")
    model.name = path
    return model


@cli.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that `deepen train` knows, the oldest first."""
    from dataclasses import asdict

    from deepen import pretrained
    from deepen.inspect.catalogue import as_table, catalogue

    listed = catalogue()
    if as_json:
        rows = [
            {
                "name": entry.name,
                "title": entry.title,
                "year": entry.year,
                "input_shape": entry.input_shape,
                "classes": entry.classes,
                "parameters": summary.parameters,
                "multiply_adds": summary.multiply_adds,
                "reported": entry.reported and asdict(entry.reported),
            }
            for entry, summary in listed
        ]
        print_json({"models": rows, "trained": pretrained.names()})
    else:
        trained = f"trained, for predict, evaluate and train --init: {', '.join(pretrained.names())}"
        as_table(listed, trained).show()
