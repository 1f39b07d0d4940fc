"""The diagram of a network: its maps as boxes, to scale, in an SVG file written from the description alone."""

from __future__ import annotations

from pathlib import Path

from deepen import files, spec
from deepen.errors import DataError
from deepen.inspect.arithmetic import figures
from deepen.inspect.diagram.picture import picture
from deepen.inspect.diagram.reading import flow_of
from deepen.paths import Shape
from deepen.spec import Layer
from deepen.wording import counted

__all__ = ["diagram", "draw"]


def draw(network: Layer, input_shape: Shape, title: str, path: Path) -> None:
    """Write the diagram of a network, for images `(C, H, W)`, to an SVG file.

    Raises:
        DataError: the path does not end in .svg, or the file cannot be written.
        ShapeError: a layer cannot take the shape that reaches it.
    """
    if path.suffix.lower() != ".svg":
        raise DataError(f"the diagram becomes an SVG file, such as {path.stem}.svg; got {path}")
    files.write(path, diagram(network, input_shape, title).encode())


def diagram(network: Layer, input_shape: Shape, title: str) -> str:
    """Return the diagram of a network, for images `(C, H, W)`, as the text of an SVG file.

    The sides of a box grow with √height and √width of the maps, its thickness with √channels, the length of a bar
    with √features: linear sizes would leave nothing of 7×7 maps beside 224×224. Pointwise layers are notes on the
    layer before them; equal blocks in a row are drawn once.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
    """
    learned = sum(param.size for param in spec.parameters(network, input_shape).values() if param.trainable)
    used = sum(each.multiply_adds for each in figures(network, input_shape) if not each.for_training_only)
    return picture(
        flow_of(network, input_shape), title, f"{counted(learned, 'parameter')}, {used:,} multiply-adds"
    )
