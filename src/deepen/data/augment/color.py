"""Other light and other colours: each image between itself and one that lacks something, or beyond itself.

With a factor f from 1 − strength up to 1 + strength, drawn for each image, `y = f x + (1 − f) d`, where d is
black (brightness), even grey (contrast) or the image without colour (color). Nothing is cut off at 0 or 1: floats
may have any range, and networks take any.

Source: Haeberli and Voorhies, "Image processing by linear interpolation and extrapolation", IRIS Universe 28,
1994.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepen import fields
from deepen.context import Context
from deepen.data.augment.base import Augmentation, per_image, symmetric
from deepen.description import register
from deepen.errors import DeepenError, ShapeError
from deepen.paths import Shape

RED, GREEN, BLUE = 0.299, 0.587, 0.114
"""How bright the primary colours are (ITU-R BT.601, section 2.5.1)."""


class _Blend(Augmentation):
    """Base of the three."""

    strength: float

    def __post_init__(self) -> None:
        fields.share(self, "strength")

    def faded(self, xp: Any, x: Any) -> Any:
        """Return d, the images without what is varied."""
        raise DeepenError(f"{type(self).__name__} lacks faded")

    def vary(self, xp: Any, x: Any, ctx: Context) -> Any:
        """Blend the images with d."""
        u = xp.asarray(ctx.uniform((len(x), 1)), dtype=x.dtype)
        f = per_image(1 + symmetric(u[:, 0], self.strength))
        return f * x + (1 - f) * self.faded(xp, x)


@register
@dataclass(frozen=True)
class Brightness(_Blend):
    """Multiply each image by a factor f from 1 − strength up to 1 + strength: `y = f x`.

    Raises:
        UsageError: the strength is not from 0 up to, not including, 1.
    """

    strength: float

    def faded(self, xp: Any, x: Any) -> Any:
        """Return black."""
        return 0.0


@register
@dataclass(frozen=True)
class Contrast(_Blend):
    """Bring each image nearer to its mean m or farther from it: `y = f x + (1 − f) m`, f in 1 ± strength.

    Raises:
        UsageError: the strength is not from 0 up to, not including, 1.
    """

    strength: float

    def faded(self, xp: Any, x: Any) -> Any:
        """Return the mean over pixels and channels."""
        return xp.mean(x, (1, 2, 3), keepdims=True)


@register
@dataclass(frozen=True)
class Color(_Blend):
    """Make the colours of each image weaker or stronger: `y = f x + (1 − f) g`, f in 1 ± strength.

    g is the grey image, `0.299 R + 0.587 G + 0.114 B`.

    Raises:
        UsageError: the strength is not from 0 up to, not including, 1.
        ShapeError: images are not RGB.
    """

    strength: float

    def check(self, input_shape: Shape) -> None:
        if input_shape[0] != 3:
            problem = f"needs images in colour (RGB), but these are {tuple(input_shape)}"
            raise ShapeError("Color", f"{problem}; use brightness and contrast, or leave it out")

    def faded(self, xp: Any, x: Any) -> Any:
        """Return the images in grey."""
        return RED * x[:, 0:1] + GREEN * x[:, 1:2] + BLUE * x[:, 2:3]
