"""Moves by whole pixels: each image is cut out of its padded self."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.data.augment.base import Augmentation
from deepen.description import register
from deepen.errors import ShapeError
from deepen.paths import Shape


@register
@dataclass(frozen=True)
class Shift(Augmentation):
    """Move each image by up to `pixels` whole pixels up or down and left or right, each as likely; zeros come in.

    Raises:
        UsageError: `pixels` is no whole number of at least 1.

    Source: the same as padding with zeros and cropping at random, as He et al., "Deep residual learning for image
    recognition", CVPR 2016, section 4.2, do with 4 pixels on CIFAR-10.
    """

    pixels: int

    padding: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        fields.at_least_1(self, "pixels")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Cut each image out of its padded self at its own place."""
        p, (n, _, h, w) = self.pixels, x.shape
        down, right = self._places(np, ctx.uniform((n, 2)))
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), self.padding)  # type: ignore[call-overload]
        cuts = sliding_window_view(padded, (h, w), axis=(2, 3))
        shifted: Array = cuts[np.arange(n), :, down, right]
        return shifted

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Do the same with PyTorch."""
        p, (n, _, h, w) = self.pixels, x.shape
        down, right = self._places(F.torch, ctx.uniform((n, 2)))
        cuts = F.pad(x, (p, p, p, p), self.padding).unfold(2, h, 1).unfold(3, w, 1)
        # With the axes that are indexed in front, PyTorch copies twice as fast.
        return cuts.permute(0, 2, 3, 1, 4, 5)[F.torch.arange(n, device=x.device), down, right]

    def _places(self, xp: Any, u: Any) -> tuple[Any, Any]:
        """Turn uniform numbers `(N, 2)` into rows and columns from 0 to 2 · pixels.

        The product is rounded to float32, where `box.place` has float64: a draw in millions comes out one pixel
        further there, and the accuracy of recipes was measured with these. It is below 2 · pixels + 1 here, too,
        because that is odd and the largest draw is 1 − 2⁻²⁴.
        """
        places = xp.asarray(u * (2 * self.pixels + 1), dtype=xp.int64)
        return places[:, 0], places[:, 1]


@register
@dataclass(frozen=True)
class Crop(Shift):
    """Move each image like `Shift`; what comes in is the image itself, mirrored at its border row and column.

    Raises:
        UsageError: `pixels` is no whole number of at least 1.
        ShapeError: an image is too small to be mirrored that far.

    Source: reflection padding of 4 pixels on CIFAR-10, as in Zagoruyko and Komodakis, "Wide residual networks",
    BMVC 2016, section 3.
    """

    padding: ClassVar[str] = "reflect"

    def check(self, input_shape: Shape) -> None:
        most = min(input_shape[1:]) - 1
        if self.pixels > most:
            problem = f"cannot mirror {self.pixels} pixels of images {tuple(input_shape)}"
            raise ShapeError("Crop", f"{problem}; the most is {most}, and Shift takes any number")
