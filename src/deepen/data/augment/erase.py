"""Images of which a part is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepen import fields
from deepen.context import Context
from deepen.data.augment.base import Augmentation, per_image
from deepen.data.augment.box import box, place
from deepen.description import register
from deepen.errors import ShapeError, UsageError
from deepen.paths import Shape


@register
@dataclass(frozen=True)
class Cutout(Augmentation):
    """Set a square of `size` pixels a side to zero, its centre anywhere in the image, its rim perhaps outside.

    Raises:
        UsageError: the size is no whole number of at least 1.
        ShapeError: the square is larger than the images.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017,
    section 3.2.
    """

    size: int

    def __post_init__(self) -> None:
        fields.at_least_1(self, "size")

    def check(self, input_shape: Shape) -> None:
        """Make sure that the square is no larger than the images."""
        if self.size > min(input_shape[1:]):
            height, width = input_shape[1:]
            raise ShapeError("Cutout", f"hides squares of {self.size} pixels in images of {width}×{height}")

    def vary(self, xp: Any, x: Any, ctx: Context) -> Any:
        """Hide the squares."""
        n, _, h, w = x.shape
        u = ctx.uniform((n, 2))
        top, left = (place(xp, u[:, i], length) - self.size // 2 for i, length in enumerate((h, w)))
        return xp.where(box(xp, (h, w), top, top + self.size, left, left + self.size), 0.0, x)


@register
@dataclass(frozen=True)
class Erasing(Augmentation):
    """Fill a rectangle in a share of the images with noise, uniform in [0, 1) for each pixel and channel.

    Its area and then its ratio of height to width are drawn, the ratio with uniform logarithm from those that fit
    into the image; the paper draws again what does not fit.

    Args:
        share: the probability that an image gets a rectangle.
        area: the least and the largest share of the image.
        ratio: the least ratio of height to width; its inverse is the largest.

    Raises:
        UsageError: the share or an area is not from 0 to 1, the areas are not in order, or the ratio is not above
            0 and at most 1.

    Source: Zhong et al., "Random erasing data augmentation", AAAI 2020, algorithm 1; its values are the defaults.
    """

    share: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    ratio: float = 0.3

    def __post_init__(self) -> None:
        fields.up_to_1(self, "share")
        if not (isinstance(self.area, tuple) and len(self.area) == 2 and all(map(fields.is_number, self.area))):
            raise UsageError(f"Erasing: the area must be two numbers, as in (0.02, 0.4), got {self.area!r}")
        self.set_field("area", tuple(map(float, self.area)))
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise UsageError(f"Erasing: the area must be from above 0 up to 1, the least first, got {self.area!r}")
        fields.above_0(self, "ratio")
        if self.ratio > 1:
            raise UsageError(f"Erasing: the ratio must be at most 1, for the least one, got {self.ratio!r}")

    def vary(self, xp: Any, x: Any, ctx: Context) -> Any:
        """Fill the rectangles."""
        n, _, h, w = x.shape
        u = ctx.uniform((n, 5))
        height, width = self._sides(xp, xp.asarray(u[:, :2], dtype=xp.float64), h, w)
        top, left = place(xp, u[:, 2], h - height + 1), place(xp, u[:, 3], w - width + 1)
        erased = per_image(u[:, 4] < self.share) & box(xp, (h, w), top, top + height, left, left + width)
        noise = xp.asarray(ctx.uniform(tuple(x.shape)), dtype=x.dtype)
        return xp.where(erased, noise, x)

    def _sides(self, xp: Any, u: Any, h: int, w: int) -> tuple[Any, Any]:
        """Turn uniform numbers `(N, 2)` into heights and widths in whole pixels, `(N,)` each."""
        least, most = self.area
        area = least + (most - least) * u[:, 0]
        # Beyond these ratios the width, or the height, would be more than the image's.
        least_fit, most_fit = area * h / w, h / (w * area)
        lowest = xp.minimum(xp.clip(least_fit, self.ratio, None), most_fit)
        highest = xp.maximum(xp.clip(most_fit, None, 1 / self.ratio), least_fit)
        ratio = lowest * (highest / lowest) ** u[:, 1]
        sides = ((area * h * w * ratio) ** 0.5, h), ((area * h * w / ratio) ** 0.5, w)
        height, width = (xp.asarray(xp.clip(xp.round(side), 1, most), dtype=xp.int64) for side, most in sides)
        return height, width
