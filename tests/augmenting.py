"""What the tests of augmentations share: contexts with this library's own draws, and every augmentation once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.randomness import Moment

EXAMPLES = {
    "shift": "shift=2",
    "crop": "crop=4",
    "flip": "flip",
    "alternating_flip": "alternating_flip",
    "rotation": "rotation=30",
    "scale": "scale=0.3",
    "shear": "shear=0.3",
    "affine": "affine rotation=20 scale=0.2 shear=0.2 shift=3",
    "elastic": "elastic",
    "cutout": "cutout=5",
    "erasing": "erasing",
    "brightness": "brightness=0.4",
    "contrast": "contrast=0.4",
    "color": "color=0.4",
    "mixup": "mixup=1",
    "cutmix": "cutmix",
}
"""A text for each name; the fields are set so that it changes every batch."""

MOMENT = Moment()


def context(
    images: Array | range = range(0),
    moment: Moment = MOMENT,
    seed: int = 0,
    as_: Callable[[Array], Any] = np.asarray,
) -> Context:
    """Return the context of a training pass; `as_` turns the draws into an engine's arrays."""

    def draw(purpose: str, shape: tuple[int, ...]) -> Any:
        return as_(randomness.uniform(seed, purpose, moment, shape))

    def of_images(purpose: str, width: int) -> Any:
        return as_(randomness.uniform_of_images(seed, purpose, np.asarray(images), width))

    return Context(Pass(True, draw, of_images, epoch=moment.epoch), "augmentation 0")


def fixed(*numbers: float) -> Context:
    """Return a context in which every image draws these numbers, or the same one each time."""

    def draw(purpose: str, shape: tuple[int, ...]) -> Array:
        return np.broadcast_to(np.array(numbers, np.float32), shape)

    return Context(Pass(True, draw), "augmentation 0")


def noise(*shape: int, dtype: str = "float32") -> Array:
    """Return images of random pixels in [0, 1)."""
    return np.random.default_rng(7).random(shape).astype(dtype)
