"""Turned, scaled, sheared and moved images: one map of the plane, so that an image is sampled once."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.data.augment.base import Augmentation, symmetric
from deepen.data.augment.sampling import sample, torch_sample
from deepen.description import register
from deepen.errors import DeepenError


@register
@dataclass(frozen=True)
class Affine(Augmentation):
    """Scale, shear, turn and move each image about its centre, in this order; bilinear, and zeros come in.

    With column a and row b from the centre, scale s, shear k, angle θ and moves t, the pixel of x at (a, b) comes
    to `s R(θ) (a + k b, b) + t`. Each number is drawn anew for each image, uniformly from its range.

    Args:
        rotation: the largest angle to either side, in degrees; what is positive turns counterclockwise.
        scale: the factor is from 1 − scale up to 1 + scale.
        shear: the lower edge moves against the upper one by up to this share of the height, to either side.
        shift: the largest move in each direction, in pixels, whole or not.

    Raises:
        UsageError: a number is negative, the scale is 1 or more, or the shear above 1.

    Source: Simard et al., "Best practices for convolutional neural networks applied to visual document analysis",
    ICDAR 2003, section 2.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        fields.at_least_0(self, "rotation")
        fields.share(self, "scale")
        fields.up_to_1(self, "shear")
        fields.at_least_0(self, "shift")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Read each image where its pixels come from."""
        n, _, h, w = x.shape
        (aa, ab, at), (ba, bb, bt) = (
            [np.asarray(value, x.dtype)[:, None, None] for value in row]
            for row in self._origins(np, ctx.uniform((n, 5)))
        )
        middle, centre = (h - 1) / 2, (w - 1) / 2
        b = (np.arange(h, dtype=x.dtype) - middle)[:, None]
        a = np.arange(w, dtype=x.dtype) - centre
        return sample(x, ba * a + bb * b + bt + middle, aa * a + ab * b + at + centre)

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Do the same with PyTorch, which counts from −1 to 1 over the image."""
        n, _, h, w = x.shape
        (aa, ab, at), (ba, bb, bt) = self._origins(F.torch, ctx.uniform((n, 5)))
        numbers = [aa, ab * h / w, at * 2 / w, ba * w / h, bb, bt * 2 / h]
        matrices = F.torch.stack(numbers, 1).reshape(n, 2, 3).to(x.dtype)
        return torch_sample(F, x, F.affine_grid(matrices, x.shape, align_corners=False))

    def _origins(self, xp: Any, u: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return where the pixel at (a, b) comes from: `aa a + ab b + at` and `ba a + bb b + bt`, each `(N,)`."""
        u = xp.asarray(u, dtype=xp.float64)
        angle, growth, k, right, down = (symmetric(u[:, i], most) for i, most in enumerate(self._most()))
        cos, sin, s = xp.cos(angle), xp.sin(angle), 1 + growth
        # Rows point down, so that x's (1, 0) comes to (cos, −sin); the shear is undone after the rotation.
        aa, ab = (cos - k * sin) / s, (-sin - k * cos) / s
        ba, bb = sin / s, cos / s
        return (aa, ab, -aa * right - ab * down), (ba, bb, -ba * right - bb * down)

    def _most(self) -> tuple[float, ...]:
        return self.rotation * pi / 180, self.scale, self.shear, self.shift, self.shift


class _Part(Augmentation):
    """Base of what does one of the things that `Affine` does."""

    def _affine(self) -> Affine:
        """Return the map."""
        raise DeepenError(f"{type(self).__name__} lacks _affine")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Do what the `Affine` does."""
        return self._affine().forward(x, ctx)

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Do the same with PyTorch."""
        return self._affine().torch_forward(F, x, ctx)


@register
@dataclass(frozen=True)
class Rotation(_Part):
    """Turn each image by up to `degrees` to either side: `Affine(rotation=degrees)`.

    Raises:
        UsageError: the angle is negative.
    """

    degrees: float

    def __post_init__(self) -> None:
        fields.at_least_0(self, "degrees")

    def _affine(self) -> Affine:
        return Affine(rotation=self.degrees)


@register
@dataclass(frozen=True)
class Scale(_Part):
    """Scale each image by a factor from 1 − strength up to 1 + strength: `Affine(scale=strength)`.

    Raises:
        UsageError: the strength is not from 0 up to, not including, 1.
    """

    strength: float

    def __post_init__(self) -> None:
        fields.share(self, "strength")

    def _affine(self) -> Affine:
        return Affine(scale=self.strength)


@register
@dataclass(frozen=True)
class Shear(_Part):
    """Move the lower edge against the upper one by up to `strength` of the height: `Affine(shear=strength)`.

    Raises:
        UsageError: the strength is not from 0 to 1.
    """

    strength: float

    def __post_init__(self) -> None:
        fields.up_to_1(self, "strength")

    def _affine(self) -> Affine:
        return Affine(shear=self.strength)
