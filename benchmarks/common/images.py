"""The data of all contenders, as .npy files that any environment can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.task import Array
from deepen import data


def write_data(name_or_folder: str, folder: Path, most: int | None = None) -> str:
    """Write a data set's images and labels into a folder, and return its name.

    `most` limits the training images, drawn from all over the set: enough to measure speed by.
    """
    source = data.source(name_or_folder)
    dataset = source.load(*source.facts.input_shape[1:])
    chosen = np.random.default_rng(0).permutation(len(dataset.train_images))[:most]
    write_part(folder, "train", dataset.train_images[chosen], dataset.train_labels[chosen])
    write_part(folder, "test", dataset.test_images, dataset.test_labels)
    return source.facts.name


def write_part(folder: Path, part: str, images: Array, labels: Array) -> None:
    """Write the images and labels of a part of the data."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{part}_images.npy", images)
    np.save(folder / f"{part}_labels.npy", labels)
