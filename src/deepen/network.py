"""Network: what a network is made of, what it costs and what it sees, known before it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from deepen import models
from deepen.errors import DeepenError
from deepen.inputs import as_class_names, as_input_shape, as_name
from deepen.inspect.summary import Summary, as_table, summarize
from deepen.layers import Sequential
from deepen.paths import Shape
from deepen.spec import Layer, network_output

if TYPE_CHECKING:
    from deepen.inspect.explain import Explanation


class Network:
    """Layers for one shape of images, as a description alone: no arrays, no engine.

    Args:
        network: the layers, in order, or one layer that holds them all.
        input_shape: `(C, H, W)` of the images.
        classes: the names of the classes; their numbers where not given.
        name: what tables and files call it.

    Raises:
        ShapeError: the layers do not fit together for this shape; the error names the one that does not.
    """

    def __init__(
        self,
        network: Layer | Sequence[Layer],
        input_shape: Shape,
        *,
        classes: Sequence[str] | None = None,
        name: str = "model",
    ) -> None:
        self.network = network if isinstance(network, Layer) else Sequential(tuple(network))
        self.input_shape = as_input_shape(input_shape)
        output_shape = network_output(self.network, self.input_shape)
        if len(output_shape) != 1:
            raise DeepenError(
                f"the network gives {output_shape} for each image, but a classifier gives one number for each "
                "class; end it with Flatten and Dense"
            )
        self.classes = as_class_names(classes, output_shape[0])
        self.name = as_name(name)

    @classmethod
    def named(
        cls,
        model: str,
        /,
        *,
        classes: int | list[str] | tuple[str, ...] | None = None,
        width: float = 1.0,
        input_shape: Shape | None = None,
        **settings: Any,
    ) -> Self:
        """Return one of the models that `deepen models` lists.

        Args:
            model: such as "resnet20".
            classes: how many, or their names; as many as it was designed for unless given.
            width: multiplies its channels and hidden units.
            input_shape: `(C, H, W)`; of the images it was designed for unless given.
            settings: what else the constructor takes.

        Raises:
            UnknownNameError: there is no such model.
            UsageError: the width is not above 0, or the classes are neither a number nor names.
            ShapeError: it cannot take images of this shape.
        """
        if isinstance(classes, (list, tuple)):
            settings["classes"], classes = classes, len(classes)
        shape = models.entry(model).input_shape if input_shape is None else input_shape
        return cls(models.build(model, classes, width), shape, **{"name": model, **settings})

    def summary(self) -> Summary:
        """Print the table of the layers, and return it."""
        summary = summarize(self.network, self.input_shape)
        as_table(summary, self.name).show()
        return summary

    @property
    def parameters(self) -> int:
        """How many numbers training learns."""
        return summarize(self.network, self.input_shape).parameters

    def explain(self, layer: str | None = None, lang: str = "en") -> Explanation:
        """Return the arithmetic of the network, or of the layer at a path, written out with its own numbers.

        Args:
            layer: a path, such as "conv1"; the whole network unless given.
            lang: "en" or "zh".

        Raises:
            UnknownNameError: there is no such layer or language.
        """
        from deepen.inspect.explain import explain

        return explain(self.network, self.input_shape, layer, lang, self.name)

    def diagram(self, path: str | os.PathLike[str]) -> Path:
        """Draw the network to scale, its maps as boxes, into an SVG file.

        Raises:
            DataError: the file cannot be written.
        """
        from deepen.inspect.diagram import draw

        draw(self.network, self.input_shape, self.name, Path(path))
        return Path(path)

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.input_shape))
        return f"<{type(self).__name__} {self.name!r}: ({shape}) to {len(self.classes)} classes>"

    def _repr_html_(self) -> str:
        """Show the diagram and the table in a notebook."""
        from deepen.inspect.diagram import diagram

        summary = summarize(self.network, self.input_shape)
        return diagram(self.network, self.input_shape, self.name) + summary.as_html()
