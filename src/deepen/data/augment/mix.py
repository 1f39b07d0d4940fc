"""Images mixed in pairs, and their labels with them.

Each image is mixed with the one that stands as far from the end of the batch as it stands from the beginning:
batches come in random order, so that any partner is as random as another. The share λ that stays of an image is
drawn for each image from Beta(alpha, alpha).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

from deepen import fields
from deepen.context import Context
from deepen.data.augment.base import Mixture, per_image
from deepen.data.augment.box import box, place
from deepen.description import register


@register
@dataclass(frozen=True)
class Mixup(Mixture):
    """Mix two images and their labels: `y = λ x + (1 − λ) x'`, `t = λ t + (1 − λ) t'`, λ from Beta(alpha, alpha).

    Raises:
        UsageError: alpha is not above 0.

    Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018, section 2.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        fields.above_0(self, "alpha")

    def mixed(self, xp: Any, x: Any, targets: Any, ctx: Context) -> tuple[Any, Any]:
        """Return weighted sums."""
        kept = symmetric_beta(xp, ctx.uniform((len(x), 2)), self.alpha)
        here = per_image(xp.asarray(kept, dtype=x.dtype))
        return here * x + (1 - here) * xp.flip(x, (0,)), _mixed_targets(xp, targets, kept)


@register
@dataclass(frozen=True)
class CutMix(Mixture):
    """Put a rectangle of another image into each image, and mix the labels by area.

    The rectangle has the image's proportions and the share 1 − λ of its area, λ from Beta(alpha, alpha). Its
    centre is anywhere in the image, and what is outside is cut off. The labels, `t = λ t + (1 − λ) t'`, count what
    is left.

    Raises:
        UsageError: alpha is not above 0.

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features",
    ICCV 2019, section 3.1 and algorithm A1.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        fields.above_0(self, "alpha")

    def mixed(self, xp: Any, x: Any, targets: Any, ctx: Context) -> tuple[Any, Any]:
        """Return images with rectangles from others."""
        n, _, h, w = x.shape
        u = ctx.uniform((n, 4))
        side = (1 - symmetric_beta(xp, u[:, :2], self.alpha)) ** 0.5
        (top, bottom), (left, right) = (_edges(xp, u[:, 2 + i], side * s, s) for i, s in enumerate((h, w)))
        cut = xp.asarray((bottom - top) * (right - left), dtype=xp.float64) / (h * w)
        pasted = xp.where(box(xp, (h, w), top, bottom, left, right), xp.flip(x, (0,)), x)
        return pasted, _mixed_targets(xp, targets, 1 - cut)


def _edges(xp: Any, u: Any, side: Any, length: int) -> tuple[Any, Any]:
    """Return where sides about drawn centres begin and end, within the image."""
    half = xp.asarray(side / 2, dtype=xp.int64)
    centre = place(xp, u, length)
    return xp.clip(centre - half, 0, length), xp.clip(centre + half, 0, length)


def _mixed_targets(xp: Any, targets: Any, kept: Any) -> Any:
    kept = xp.asarray(kept, dtype=targets.dtype)[:, None]
    return kept * targets + (1 - kept) * xp.flip(targets, (0,))


def symmetric_beta(xp: Any, u: Any, alpha: float) -> Any:
    """Turn uniform numbers `(N, 2)` into numbers `(N,)` from Beta(alpha, alpha), in float64.

    `λ = ½ + ½ c √((1 − p) / (p + (1 − p) c²))` with `p = u₀^(1/alpha)` and `c = cos 2π u₁`: exact for every alpha,
    without trying again, so that each image's draws are its own.

    Source: Devroye, "Random variate generation in one line of code", WSC 1996, from Bailey, "Polar generation of
    random variates with the t-distribution", Mathematics of Computation 62, 1994.
    """
    u = xp.asarray(u, dtype=xp.float64)
    p, c = u[:, 0] ** (1 / alpha), xp.cos(2 * pi * u[:, 1])
    # Rounding may lead a hair beyond 0 and 1.
    return xp.clip(0.5 + 0.5 * c * ((1 - p) / (p + (1 - p) * c * c)) ** 0.5, 0, 1)
