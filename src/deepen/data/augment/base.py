"""What an augmentation is: training images varied at random, described as data and drawn like everything else.

It is applied to each training batch where the images are, and never in evaluation. What NumPy and PyTorch spell
alike is written once, for `xp`: the names of the array API standard that both of them have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import Described
from deepen.errors import DeepenError
from deepen.paths import Shape


class Augmentation(Described):
    """Base of the augmentations: images `(N, C, H, W)` in, varied images of the same shape out.

    Images are floats, from 0 to 1 where they came as uint8. What is drawn comes from the context alone, so that it
    is the same in every engine. A subclass has either `vary`, or `forward` and `torch_forward`.
    """

    def check(self, input_shape: Shape) -> None:
        """Make sure that images `(C, H, W)` can be varied so.

        Raises:
            ShapeError: they cannot.
        """

    def vary(self, xp: Any, x: Any, ctx: Context) -> Any:
        """Return varied images with `xp`, which is `numpy` or `torch`; x is left as it is."""
        raise DeepenError(f"{type(self).__name__} lacks vary")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return varied images with NumPy; x is left as it is."""
        varied: Array = self.vary(np, x, ctx)
        return varied

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Return varied images with PyTorch; `F` is `torch.nn.functional`."""
        return self.vary(F.torch, x, ctx)


class Mixture(Augmentation):
    """Base of the augmentations that mix images of a batch, and their labels with them.

    Labels come as rows of probabilities `(N, K)` and go as such. A subclass has `mixed`.
    """

    def mixed(self, xp: Any, x: Any, targets: Any, ctx: Context) -> tuple[Any, Any]:
        """Return mixed images and targets with `xp`, which is `numpy` or `torch`; both are left as they are."""
        raise DeepenError(f"{type(self).__name__} lacks mixed")

    def mix(self, x: Array, targets: Array, ctx: Context) -> tuple[Array, Array]:
        """Return mixed images and targets with NumPy."""
        return self.mixed(np, x, targets, ctx)

    def torch_mix(self, F: Any, x: Any, targets: Any, ctx: Context) -> tuple[Any, Any]:
        """Return mixed images and targets with PyTorch."""
        return self.mixed(F.torch, x, targets, ctx)


def symmetric(u: Any, most: float) -> Any:
    """Turn uniform numbers from [0, 1) into numbers from −most up to most."""
    return (2 * u - 1) * most


def per_image(values: Any) -> Any:
    """Return `(N,)` as `(N, 1, 1, 1)`, to be combined with images."""
    return values[:, None, None, None]
