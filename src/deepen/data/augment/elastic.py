"""Images bent like rubber."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi, sqrt
from typing import Any

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.context import Context
from deepen.data.augment.base import Augmentation, symmetric
from deepen.data.augment.sampling import sample, torch_sample
from deepen.description import register


@register
@dataclass(frozen=True)
class Elastic(Augmentation):
    """Move every pixel by its own smooth random amount: `y[i, j] = x[i + d₀[i, j], j + d₁[i, j]]`, bilinear.

    Each field is `d = alpha · (G ∗ r)`, with r uniform in [−1, 1) for each pixel, zero beyond the image, and G the
    Gaussian of deviation `sigma`. Typical moves are about `0.16 · alpha / sigma` pixels. Zeros come in.

    Raises:
        UsageError: alpha is negative, or sigma is not above 0.

    Source: Simard et al., "Best practices for convolutional neural networks applied to visual document analysis",
    ICDAR 2003, section 2; its values for MNIST are the defaults.
    """

    alpha: float = 34.0
    sigma: float = 4.0

    def __post_init__(self) -> None:
        fields.at_least_0(self, "alpha")
        fields.above_0(self, "sigma")

    def forward(self, x: Array, ctx: Context) -> Array:
        """Read each pixel where the smooth fields say."""
        n, _, h, w = x.shape
        r = symmetric(ctx.uniform((n, 2, h, w)), self.alpha).astype(x.dtype, copy=False)
        d = self._gaussian(np, h, x) @ r @ self._gaussian(np, w, x)
        return sample(x, d[:, 0] + np.arange(h, dtype=x.dtype)[:, None], d[:, 1] + np.arange(w, dtype=x.dtype))

    def torch_forward(self, F: Any, x: Any, ctx: Context) -> Any:
        """Do the same with PyTorch, which counts from −1 to 1 over the image."""
        (n, _, h, w), like = x.shape, {"dtype": x.dtype, "device": x.device}
        r = symmetric(ctx.uniform((n, 2, h, w)), self.alpha).to(x.dtype)
        d = self._gaussian(F.torch, h, x) @ r @ self._gaussian(F.torch, w, x)
        rows = (2 * F.torch.arange(h, **like)[:, None] + 1) / h - 1 + d[:, 0] * (2 / h)
        columns = (2 * F.torch.arange(w, **like) + 1) / w - 1 + d[:, 1] * (2 / w)
        return torch_sample(F, x, F.torch.stack((columns, rows), 3))

    def _gaussian(self, xp: Any, length: int, like: Any) -> Any:
        """Return the matrix `(length, length)` that smooths one axis: the Gaussian is the product of two."""
        places = xp.arange(length, dtype=like.dtype, device=like.device)
        return xp.exp(-0.5 * ((places[:, None] - places) / self.sigma) ** 2) / total(self.sigma)


def total(sigma: float) -> float:
    """Return `Σ exp(−k² / 2σ²)` over all whole numbers k.

    By Poisson's summation formula it is `σ √(2π) (1 + 2 exp(−2π²σ²) + ...)`: from σ = 2 on float64 holds the first
    term alone. Below, nothing is left of what is 18 places or more from the middle.
    """
    if sigma >= 2:
        return sigma * sqrt(2 * pi)
    return sum(exp(-0.5 * (place / sigma) ** 2) for place in range(-17, 18))
