"""What a layer's tests need to know of one of its forms."""

from __future__ import annotations

from dataclasses import dataclass

from deepen.paths import Shape
from deepen.spec import Layer


@dataclass(frozen=True)
class Case:
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    wrong_shape: Shape | None = None
    """A shape that the layer cannot take; None where it takes any."""
    says: str = ""
    """What the error for the wrong shape has to say."""
