"""Views of test images: the same images seen a little differently, so that a model can judge each several times.

Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012, section 4.1,
which averages what the network says of ten views: five cuts and their mirror images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from deepen.arrays import Array
from deepen.errors import UnknownNameError


def views(images: Array, kind: str) -> Iterator[Array]:
    """Return the views of images `(N, C, H, W)` one after the other, the images as they are first.

    Each has the shape and the type of the images. The kinds: "flip" (as they are, mirrored), "shift" (as they are,
    moved by one pixel up, down, left, right; the pixels at the edge are repeated), "flip+shift" (all ten).

    Raises:
        UnknownNameError: there is no such kind.
    """
    if kind not in VIEWS:
        raise UnknownNameError("kind of views", kind, VIEWS)
    return VIEWS[kind](images)


def _flipped(images: Array) -> Iterator[Array]:
    yield images
    yield images[..., ::-1].copy()  # PyTorch takes no arrays that run backwards


def _shifted(images: Array) -> Iterator[Array]:
    h, w = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    yield images
    for top, left in ((2, 1), (0, 1), (1, 2), (1, 0)):
        yield padded[:, :, top : top + h, left : left + w]


def _flipped_and_shifted(images: Array) -> Iterator[Array]:
    for view in _flipped(images):
        yield from _shifted(view)


VIEWS: dict[str, Callable[[Array], Iterator[Array]]] = {
    "flip": _flipped,
    "shift": _shifted,
    "flip+shift": _flipped_and_shifted,
}
"""The kinds of views by name."""
