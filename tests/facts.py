"""What a model's tests need to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from deepen.paths import Shape


@dataclass(frozen=True)
class Facts:
    parameters: int
    """Trainable ones, for as many classes as the model was designed for."""
    multiply_adds: int
    classes: int | None = None
    """For how many classes both were counted; the model's own unless given."""
    input_shape: Shape | None = None
    """For which images; the model's own unless given."""
    layers: tuple[int, ...] = ()
    """The parameters of the layers that have any, where a source lists them."""
    fixed: int = 0
    width: float = 1.0
    """At which width it is computed in tests that run it."""
    size: Shape | None = None
    """With which images; the model's own unless given."""
    rate: float = 0.002
    """With which rate Adam learns 64 images by heart; deep networks without normalization need a smaller one."""
