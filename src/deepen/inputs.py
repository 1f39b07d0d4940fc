"""Arrays of one's own: what `fit`, `evaluate` and `predict` accept, and what they say to the rest."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.errors import DataError, DeepenError, UsageError
from deepen.paths import Shape

LARGE = 30
"""Images in units of their deviation stay below this."""


def as_input_shape(given: Any) -> Shape:
    """Return the shape of one image as a tuple of whole numbers.

    Raises:
        UsageError: it is no such shape.
    """
    shape = tuple(given) if isinstance(given, (tuple, list)) else ()
    if not shape or any(not isinstance(size, (int, np.integer)) or size < 1 for size in shape):
        raise UsageError(f"input_shape is the shape of one image, such as (1, 28, 28), got {given!r:.80}")
    return tuple(int(size) for size in shape)


def as_images(given: Any, input_shape: Shape) -> Array:
    """Return images `(N, C, H, W)`, uint8 or floats; grey ones may come as `(N, H, W)`.

    Raises:
        DataError: shape or type is not what the network takes.
    """
    images = _array(given, "images")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(
            f"images are uint8 (0 to 255, divided by 255 for the network) or floats, got {images.dtype}"
            + ("; if they run from 0 to 255, convert them with x.astype('uint8')" * (images.dtype.kind in "iu"))
        )
    if images.dtype.kind == "f":
        # In this machine's byte order, and of a width that every engine knows.
        images = images.astype(np.float32 if images.itemsize < 8 else np.float64, copy=False)
    if images.ndim == 3 and len(input_shape) == 3 and input_shape[0] == 1:
        images = images[:, None]
    if images.shape[1:] != input_shape:
        raise DataError(
            f"the network takes (N, {', '.join(map(str, input_shape))}), but the images are {np.shape(given)}"
            + _cure(np.shape(given), input_shape)
        )
    if len(images) == 0:
        raise DataError("there is not a single image in the array")
    return images


def _array(given: Any, what: str) -> Array:
    try:
        return np.asarray(given)
    except ValueError as error:
        raise DataError(f"the {what} are no array: {error}") from error


def _cure(given: tuple[int, ...], wanted: Shape) -> str:
    if given == wanted:
        return "; a single image needs the batch axis: x[None]"
    if len(given) == 4 and len(wanted) == 3 and (given[3], *given[1:3]) == wanted:
        return "; put the channels first: x.transpose(0, 3, 1, 2)"
    if len(given) == 2 and given[1] == int(np.prod(wanted)):
        return f"; give them their shape back: x.reshape(-1, {', '.join(map(str, wanted))})"
    return ""


def warn_of_large(images: Array) -> None:
    """Warn of floats that look like grey values up to 255, from which networks learn badly."""
    if images.dtype.kind == "f" and images.max() > LARGE:
        warnings.warn(
            f"the images are floats up to {images.max():g}; divide them by 255, hand them in as uint8 (which is "
            "divided by itself), or begin the network with Normalize",
            stacklevel=3,
        )


def as_labels(given: Any, images: int, classes: int) -> Array:
    """Return class numbers `(N,)` as int64, or rows of probabilities `(N, classes)` as float32.

    Raises:
        DataError: their count, shape, type or range is not what the network takes.
    """
    labels = _array(given, "labels")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if len(labels.shape) == 0 or len(labels) != images:
        raise DataError(f"there are {images} images, but labels of shape {labels.shape}; give one for each image")
    if labels.shape == (images, classes) and labels.dtype.kind in "fiub" and classes > 1:
        rows = labels.astype(np.float32)
        if not np.allclose(rows.sum(axis=1), 1, atol=1e-3) or rows.min() < 0:
            raise DataError("each row of one-hot labels must be probabilities that add up to 1")
        return rows
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels are whole class numbers (N,) or one-hot rows (N, {classes}), "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"the network has {classes} outputs, classes 0 to {classes - 1}, but labels run from "
            f"{labels.min()} to {labels.max()}; give the last layer one unit for each class"
        )
    return labels.astype(np.int64)


def as_pair(given: Any, input_shape: Shape, classes: int) -> tuple[Array, Array]:
    """Return images and labels that come together, as `(x, y)`.

    Raises:
        DataError: they are not what a network takes.
    """
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise DataError(f"validation_data is images and labels, (x, y), got {given!r:.80}")
    x, y = given
    return as_images(x, input_shape), as_labels(y, len(x), classes)


def as_name(given: object) -> str:
    """Return the name of a model or a class.

    Raises:
        UsageError: it is no printable text.
    """
    if not isinstance(given, str) or not given.isprintable():
        raise UsageError(f"names of models and classes are printable text, got {given!r:.80}")
    return given


def as_class_names(given: Sequence[str] | None, outputs: int) -> tuple[str, ...]:
    """Return the names of the classes; their numbers where none are given.

    Raises:
        DeepenError: there is not one for each output.
        UsageError: one is no printable text.
    """
    names = tuple(given) if given is not None else tuple(map(str, range(outputs)))
    if len(names) != outputs:
        raise DeepenError(f"there are {len(names)} class names, but {outputs} outputs")
    return tuple(map(as_name, names))
