"""What a data set is: the facts known before any picture is decoded, and the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from deepen.arrays import Array
from deepen.errors import DataError

Counts = dict[str, tuple[int, ...]]
"""Part (`"training"`, `"validation"`, `"test"`) → the number of images of each class."""


@dataclass(frozen=True)
class Facts:
    """What is known of a data set without downloading or decoding it.

    `input_shape` is `(C, H, W)` of one image; of a folder, whose pictures may differ, their median size.
    """

    name: str
    title: str
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_count: int
    test_count: int
    source: str
    licence: str
    validation_count: int = 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images `(N, C, H, W)` in uint8 and labels `(N,)` in int64, for training and for the test.

    There are images for validation only where the data bring their own; a training holds some out otherwise.
    `remarks` are lines on files that could not be read.

    Raises:
        DataError: arrays, labels or counts do not agree with each other or with the facts.
    """

    facts: Facts
    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array
    validation_images: Array | None = None
    validation_labels: Array | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("training", self.train_images, self.train_labels, self.facts, self.facts.train_count)
        _check("test", self.test_images, self.test_labels, self.facts, self.facts.test_count)
        if (self.validation_images is None) != (self.validation_labels is None):
            raise DataError(f"the validation part of {self.facts.name} needs images and labels, or neither")
        if self.validation_images is not None and self.validation_labels is not None:
            count = self.facts.validation_count
            _check("validation", self.validation_images, self.validation_labels, self.facts, count)

    @property
    def validation(self) -> tuple[Array, Array] | None:
        """Images and labels of the validation part, if the data bring one."""
        if self.validation_images is None or self.validation_labels is None:
            return None
        return self.validation_images, self.validation_labels

    @property
    def counts(self) -> Counts:
        """How many images of each class every part has."""
        parts = {
            "training": self.train_labels,
            "validation": self.validation_labels,
            "test": self.test_labels,
        }
        present = {part: labels for part, labels in parts.items() if labels is not None}
        return counts_of(present, len(self.facts.classes))

    def resized(self, height: int, width: int) -> Dataset:
        """Return the data set with every image scaled to `(C, height, width)`, bilinear and antialiased.

        The data set itself is returned where its images have that size already.

        Raises:
            DataError: the size is not positive, or the images are neither grey (C = 1) nor RGB (C = 3).
        """
        channels, old_height, old_width = self.facts.input_shape
        if (height, width) == (old_height, old_width):
            return self
        if height < 1 or width < 1:
            raise DataError(
                f"images cannot be resized to {width}×{height} pixels (width × height); both must be at least 1"
            )
        if channels not in (1, 3):
            raise DataError(
                f"images of {self.facts.name} have {channels} channels; only grey (1) and RGB (3) can be resized"
            )
        return replace(
            self,
            facts=replace(self.facts, input_shape=(channels, height, width)),
            train_images=_resize(self.train_images, height, width),
            test_images=_resize(self.test_images, height, width),
            validation_images=None
            if self.validation_images is None
            else _resize(self.validation_images, height, width),
        )


def counts_of(parts: Mapping[str, Array], classes: int) -> Counts:
    """Return how many of each class there are among the labels `(N,)` of each part."""
    return {part: tuple(np.bincount(labels, minlength=classes).tolist()) for part, labels in parts.items()}


def _check(part: str, images: Array, labels: Array, facts: Facts, count: int) -> None:
    """Hold the arrays of one part against the facts."""
    where = f"the {part} part of {facts.name}"
    expected = (count, *facts.input_shape)
    if images.shape != expected or images.dtype != np.uint8:
        raise DataError(
            f"{where} needs images {expected} of type uint8, but they are {images.shape} of type {images.dtype}"
        )
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise DataError(
            f"{where} needs labels ({count},) of type int64, but they are {labels.shape} of type {labels.dtype}"
        )
    classes = len(facts.classes)
    if count and (labels.min() < 0 or labels.max() >= classes):
        raise DataError(
            f"{where} needs labels 0 to {classes - 1}, for its {classes} classes, "
            f"but they run from {labels.min()} to {labels.max()}"
        )


def _resize(images: Array, height: int, width: int) -> Array:
    """Return uint8 images `(N, C, H, W)` scaled one by one; C is 1 or 3."""
    count, channels = images.shape[:2]
    resized = np.empty((count, channels, height, width), np.uint8)
    for image, target in zip(images, resized, strict=True):
        # Pillow wants (H, W) for grey and (H, W, 3) for colour, without gaps in memory.
        pixels = image[0] if channels == 1 else image.transpose(1, 2, 0)
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        scaled = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
        target[:] = scaled if channels == 1 else scaled.transpose(2, 0, 1)
    return resized
