"""Augmentation: training images varied at random, described as data and drawn like everything else.

It is applied to each training batch where the images are, and never in evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from deepen.arrays import Array
from deepen.context import Context
from deepen.description import Described, register
from deepen.errors import DeepenError


class Augmentation(Described):
    """Base of the augmentations: images `(N, C, H, W)` in, varied images of the same shape out."""

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return varied images with NumPy."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy pass")

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Return varied images with PyTorch; `F` is `torch.nn.functional`."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch pass")


@register
@dataclass(frozen=True)
class Shift(Augmentation):
    """Move each image by up to `pixels` whole pixels up or down and left or right, each as likely; zeros come in.

    Raises:
        DeepenError: `pixels` is no whole number of at least 1.
    """

    pixels: int

    def __post_init__(self) -> None:
        if not isinstance(self.pixels, int) or isinstance(self.pixels, bool) or self.pixels < 1:
            raise DeepenError(f"Shift: pixels must be a whole number, 1 or more, got {self.pixels!r}")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Cut each image out of its padded self at its own place."""
        p, (n, _, h, w) = self.pixels, x.shape
        down, right = self._places(ctx.uniform((n, 2)), np.int64)
        cuts = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))), (h, w), axis=(2, 3))
        shifted: Array = cuts[np.arange(n), :, down, right]
        return shifted

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Do the same with PyTorch."""
        p, (n, _, h, w) = self.pixels, x.shape
        down, right = self._places(ctx.uniform((n, 2)), F.torch.int64)
        cuts = F.pad(x, (p, p, p, p)).unfold(2, h, 1).unfold(3, w, 1)
        return cuts[F.torch.arange(n, device=x.device), :, down, right]

    def _places(self, u: Any, integer: Any) -> tuple[Any, Any]:
        """Turn uniform numbers `(N, 2)` into rows and columns from 0 to 2 · pixels."""
        places = u * (2 * self.pixels + 1)
        places = places.astype(integer) if isinstance(u, np.ndarray) else places.to(integer)
        return places[:, 0], places[:, 1]
