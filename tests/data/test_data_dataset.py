from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepen.data import Dataset, Facts
from deepen.errors import DataError


def facts(channels):
    return Facts("toy", "A toy", (channels, 6, 4), ("cat", "dog"), 3, 2, "this test", "CC0")


def dataset(channels=1):
    pixels = np.random.default_rng(0)
    return Dataset(
        facts(channels),
        pixels.integers(0, 256, (3, channels, 6, 4), dtype=np.uint8),
        np.array([0, 1, 0]),
        pixels.integers(0, 256, (2, channels, 6, 4), dtype=np.uint8),
        np.array([1, 0]),
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(12, 8), (3, 2), (5, 9)])
def test_resized_scales_every_picture_as_pillow_does(channels, size):
    data = dataset(channels)
    resized = data.resized(*size)
    assert resized.facts == replace(data.facts, input_shape=(channels, *size))
    assert resized.train_images.shape == (3, channels, *size)
    assert resized.test_images.dtype == np.uint8
    # Bilinear scaling treats channels alike, so each must equal the grey picture made of it.
    for image, scaled in zip(data.test_images, resized.test_images, strict=True):
        for channel, scaled_channel in zip(image, scaled, strict=True):
            expected = Image.fromarray(channel).resize(size[::-1], Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(scaled_channel, np.asarray(expected))
    np.testing.assert_array_equal(resized.train_labels, data.train_labels)


def test_resized_to_the_size_it_has_is_the_same_object():
    data = dataset()
    assert data.resized(6, 4) is data
    assert data.resized(4, 6) is not data


def test_resized_refuses_what_it_cannot_do():
    with pytest.raises(
        DataError, match=r"cannot be resized to 4×0 pixels \(width × height\); both must be at least 1"
    ):
        dataset().resized(0, 4)
    with pytest.raises(DataError, match=r"toy have 2 channels; only grey \(1\) and RGB \(3\)"):
        dataset(2).resized(3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train_images": np.zeros((3, 6, 4), np.uint8)},
            r"the training part of toy needs images \(3, 1, 6, 4\) of type uint8, but they are \(3, 6, 4\)",
        ),
        ({"test_images": np.zeros((2, 1, 6, 4))}, "the test part of toy needs .* of type float64"),
        ({"train_labels": np.array([0, 1])}, r"needs labels \(3,\) of type int64, but they are \(2,\)"),
        ({"test_labels": np.array([0, 1], np.uint8)}, "but they are .* of type uint8"),
        (
            {"test_labels": np.array([0, 2])},
            "needs labels 0 to 1, for its 2 classes, but they run from 0 to 2",
        ),
        ({"test_labels": np.array([0, -1])}, "but they run from -1 to 0"),
    ],
)
def test_arrays_must_agree_with_the_facts(change, message):
    with pytest.raises(DataError, match=message):
        replace(dataset(), **change)


def with_validation(count=2):
    data = dataset()
    return replace(
        data,
        facts=replace(data.facts, validation_count=2),
        validation_images=np.zeros((count, 1, 6, 4), np.uint8),
        validation_labels=np.array([1] * count),
    )


def test_a_validation_part_is_checked_counted_and_resized():
    data = with_validation()
    assert data.counts == {"training": (2, 1), "validation": (0, 2), "test": (1, 1)}
    assert dataset().counts == {"training": (2, 1), "test": (1, 1)}
    assert data.resized(3, 2).validation_images.shape == (2, 1, 3, 2)
    with pytest.raises(DataError, match=r"the validation part of toy needs images \(2, 1, 6, 4\)"):
        with_validation(3)
    with pytest.raises(DataError, match="the validation part of toy needs images and labels, or neither"):
        replace(data, validation_labels=None)
