"""A batch as augmentations vary it, one after the other: in every engine, and in pictures of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.data.augment.base import Augmentation, Mixture
from deepen.paths import Shape
from deepen.randomness import Moment


def vary_all(
    steps: Sequence[Augmentation], x: Any, targets: Any, seed: int, numbers: Array, moment: Moment, F: Any = None
) -> tuple[Any, Any]:
    """Return images `(N, C, H, W)` and targets as a training step has them.

    Each augmentation has a context, and so draws, of its own. They come from NumPy, whatever computes, so that
    they are the same everywhere; to a GPU they are copied without waiting for it.

    Args:
        steps: in this order.
        x: the images, floats; they are left as they are.
        targets: rows of probabilities `(N, K)` where one of the augmentations is a `Mixture`.
        seed: of the training.
        numbers: of the images in the training data, `(N,)`.
        moment: of the step.
        F: `torch.nn.functional`, where x is a tensor.
    """

    def brought(draws: Array) -> Any:
        return draws if F is None else F.torch.from_numpy(draws).to(x.device, non_blocking=True)

    def draw(purpose: str, shape: Shape) -> Any:
        return brought(randomness.uniform(seed, purpose, moment, shape))

    def of_images(purpose: str, width: int) -> Any:
        return brought(randomness.uniform_of_images(seed, purpose, numbers, width))

    run = Pass(True, draw, of_images, epoch=moment.epoch)
    for place, step in enumerate(steps):
        ctx = Context(run, f"augmentation {place}")
        if isinstance(step, Mixture):
            x, targets = step.mix(x, targets, ctx) if F is None else step.torch_mix(F, x, targets, ctx)
        else:
            x = step.forward(x, ctx) if F is None else step.torch_forward(F, x, ctx)
    return x, targets
