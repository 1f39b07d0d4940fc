"""What a model's file says besides its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepen import model_file
from deepen.arrays import Array
from deepen.data.picture import PictureRules
from deepen.description import from_data, to_data
from deepen.engines.base import Setup
from deepen.errors import FileFormatError
from deepen.losses import Loss
from deepen.paths import Shape
from deepen.spec import Layer

OTHER_KINDS = {
    "checkpoint": "a checkpoint, not a model; go on with its training by `deepen train --resume RUN`",
    "ensemble": "an ensemble; use Ensemble.load or `deepen ensemble`",
}
"""What files with a "kind" are: a model's has none."""


@dataclass(frozen=True)
class ModelContent:
    """The description of a model, as plain data in its file."""

    name: str
    network: Layer
    input_shape: Shape
    classes: tuple[str, ...]
    loss: Loss
    picture: PictureRules | None
    """How a picture file becomes an image; None where no picture has this shape."""
    figures: dict[str, Any]
    """What the training reached."""
    seed: int

    def to_data(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {
            "name": self.name,
            "network": to_data(self.network),
            "input_shape": list(self.input_shape),
            "classes": list(self.classes),
            "loss": to_data(self.loss),
            "picture": None if self.picture is None else self.picture.to_data(),
            "figures": model_file.plain(self.figures),
            "seed": self.seed,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ModelContent:
        """Return what `to_data` wrote.

        Raises:
            FileFormatError: something in it is not what it should be.
            KeyError, TypeError, ValueError: something is missing, or of another kind.
        """
        if not isinstance(data["classes"], list) or not isinstance(data["figures"], dict):
            raise FileFormatError("its classes are no list, or its figures no table")
        content = cls(
            name=data["name"],
            network=from_data(data["network"], Layer),
            input_shape=tuple(data["input_shape"]),
            classes=tuple(data["classes"]),
            loss=from_data(data["loss"], Loss),
            picture=None if data["picture"] is None else PictureRules.from_data(data["picture"]),
            figures=dict(data["figures"]),
            seed=data["seed"],
        )
        if content.picture != PictureRules.for_shape(content.input_shape):
            raise FileFormatError(
                f"its rules {content.picture} make pictures of another shape than its network takes"
            )
        return content


def weights_of(setup: Setup, arrays: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the parameters and the statistics among a file's arrays, each held against the description.

    Raises:
        FileFormatError: one is missing, has another shape or type, or belongs to no layer.
    """
    model_file.check(arrays, {**setup.parameters, **setup.statistics}, setup.dtype)
    return {path: arrays[path] for path in setup.parameters}, {path: arrays[path] for path in setup.statistics}
