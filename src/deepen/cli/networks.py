"""The network that a command is to look at: by a model's name, or as a file describes it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepen.paths import Shape

if TYPE_CHECKING:
    from deepen.spec import Layer

input_shape_option = click.option(
    "--input-shape", help="Channels, height, width, such as 1,28,28; the model's own unless given."
)
classes_option = click.option(
    "--classes",
    type=click.IntRange(min=1),
    help="How many classes a model by name has; as many as it was designed for unless given.",
)
width_option = click.option(
    "--width", type=float, default=1.0, help="What channels and hidden units of a model by name are multiplied by."
)

diagram_option = click.option(
    "--diagram",
    type=click.Path(path_type=Path),
    help="Also draw the network to scale, its maps as boxes: an SVG file.",
)


def drawn(path: Path | None, network: Layer, input_shape: Shape, title: str) -> dict[str, str]:
    """Draw the diagram that is asked for, and return what JSON says of it; nothing where none is."""
    if path is None:
        return {}
    from deepen.inspect.diagram import draw

    draw(network, input_shape, title, path)
    return {"diagram": str(path.resolve())}


def by_name(model: str) -> bool:
    """Return whether a model is meant by its name, and not as a file or folder."""
    from deepen import models

    looks_like_a_path = "/" in model or os.sep in model or "@" in model or model.endswith(".safetensors")
    return model in models.names() or not (looks_like_a_path or Path(model).exists())


def network_of(
    model: str, input_shape: str | None, classes: int | None = None, width: float = 1.0
) -> tuple[Layer, Shape]:
    """Return a network and the shape of its images, for a model's name, a model file or a run's folder.

    Raises:
        UnknownNameError: no model has that name.
        DataError: there is no such file or folder, or no model in it.
        click.UsageError: the shape is not written as three numbers, or a file is to have other classes or width.
    """
    if by_name(model):
        from deepen import models

        entry = models.entry(model)
        network, shape = models.build(model, classes, width), entry.input_shape
    else:
        from deepen.model import Model
        from deepen.runs import model_path

        if classes is not None or width != 1:
            raise click.UsageError(f"--classes and --width are for models by name; {model} has its own")
        loaded = Model.load(model_path(model), engine="numpy")
        network, shape = loaded.network, loaded.input_shape
    return network, parsed_shape(input_shape) if input_shape else shape


def parsed_shape(text: str) -> Shape:
    """Return the shape that is written as three numbers."""
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise click.UsageError(f"--input-shape is three numbers, such as 1,28,28, got {text!r}")
    return shape
