"""A picture of training images as the network sees them: originals, and what augmentation makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepen import randomness
from deepen.arrays import Array
from deepen.data import Dataset
from deepen.data.augment import Augmentation, Mixture, augmentation, vary_all
from deepen.errors import UsageError
from deepen.lettering import percent, shorten
from deepen.randomness import Moment
from deepen.report.canvas import QUIET, new_figure, save, style
from deepen.report.fonts import cover, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES, VARIANTS = 6, 7

CAPTION = 17
"""So many letters fit under an image."""


def augmented(
    dataset: Dataset, augmentations: Sequence[str | Augmentation], seed: int, path: Path, images: int = IMAGES
) -> None:
    """Draw some training images of different classes, and beside each one its variants in the first seven epochs.

    Images that are mixed stand over the shares of their labels.

    Raises:
        UsageError: there is nothing to draw.
        ShapeError: an augmentation does not fit the images.
    """
    if images < 1 or not len(dataset.train_labels):
        raise UsageError(f"{dataset.facts.name}: there are no training images to draw")
    steps = tuple(map(augmentation, augmentations))
    for step in steps:
        step.check(dataset.facts.input_shape)
    chosen = _of_different_classes(dataset.train_labels, images, seed)
    x = dataset.train_images[chosen].astype(np.float32) / np.float32(255)
    targets = np.eye(len(dataset.facts.classes), dtype=np.float32)[dataset.train_labels[chosen]]
    epochs = [vary_all(steps, x, targets, seed, chosen, Moment(epoch)) for epoch in range(VARIANTS)]
    names = drawable(dataset.facts.classes)
    mixing = any(isinstance(step, Mixture) for step in steps)
    families, _ = cover("".join(names))
    with style():
        height, width = x.shape[2:]
        tall = float(np.clip(height / width, 0.3, 3))
        figure = new_figure(1.2 * (1 + VARIANTS), (1.15 * tall + (0.42 if mixing else 0.2)) * len(x) + 0.3)
        figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
        grid = figure.subplots(len(x), 1 + VARIANTS, squeeze=False)
        for row, axes in enumerate(grid):
            _draw(axes[0], x[row], _shares(targets[row], names), families)
            for place, (pictures, mixed) in zip(axes[1:], epochs, strict=True):
                _draw(place, pictures[row], _shares(mixed[row], names) if mixing else "", families)
        grid[0, 0].set_title("original", fontsize=9)
        for epoch, place in enumerate(grid[0, 1:]):
            place.set_title(f"epoch {epoch + 1}", fontsize=9, fontweight="normal", color=QUIET)
        save(figure, path)


def _of_different_classes(labels: Array, count: int, seed: int) -> Array:
    """Return the numbers of so many images drawn at random: one of each class, then a second one, and so on."""
    order = randomness.permutation(seed, "augmented pictures", len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    starts = np.searchsorted(labels[by_class], labels[by_class])
    rounds = np.arange(len(labels)) - starts
    return by_class[np.argsort(rounds, kind="stable")][:count]


def _shares(target: Array, names: Sequence[str]) -> str:
    """Write a row of shares: the class alone, or the two largest with their shares."""
    first, second = np.argsort(-target, kind="stable")[:2] if len(target) > 1 else (0, 0)
    if first == second or target[second] < 0.005:
        return shorten(names[first], CAPTION)
    return "\n".join(f"{percent(target[i], 0)} {shorten(names[i], CAPTION - 5)}" for i in (first, second))


def _draw(axes: Axes, image: Array, caption: str, families: Sequence[str]) -> None:
    """Draw one image `(C, H, W)`, cut off at 0 and 1, over its caption."""
    shown = np.clip(np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0), 0, 1)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_xlabel(caption, fontsize=7, family=families, parse_math=False, labelpad=2)
