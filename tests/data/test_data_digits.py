import numpy as np
import pytest

from deepen.data import digits
from deepen.errors import DataError, FileFormatError

# Read off the published file's first line.
FIRST_DIGIT = """
 0  0  5 13  9  1  0  0
 0  0 13 15 10 15  5  0
 0  3 15  2  0 11  8  0
 0  4 12  0  0  8  8  0
 0  5  8  0  0  9  8  0
 0  4 11  0  1 12  7  0
 0  2 14  5 10 12  0  0
 0  0  6 13 10  0  0  0
"""


@pytest.fixture(scope="module")
def data():
    return digits.load()


def test_all_digits_are_there_once(data):
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    assert images.shape == (1797, 1, 8, 8)
    # As published: "class: number of examples in class" of the test part.
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_values_reach_from_black_to_white(data):
    values = np.unique(np.concatenate([data.train_images, data.test_images]))
    assert values.tolist() == [(510 * v + 16) // 32 for v in range(17)]
    assert values[-1] == 255


def test_the_first_digit_is_the_published_one(data):
    published = np.array(FIRST_DIGIT.split(), int).reshape(8, 8)
    scaled = np.floor(published * 255 / 16 + 0.5)
    zeros = np.concatenate(
        [data.train_images[data.train_labels == 0, 0], data.test_images[data.test_labels == 0, 0]]
    )
    assert (zeros == scaled).all(axis=(1, 2)).sum() == 1


def test_the_split_is_the_same_for_everyone(data):
    assert (len(data.train_labels), len(data.test_labels)) == (1437, 360)
    assert np.bincount(data.test_labels).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    # Held fixed: figures are comparable only as long as the test digits are the same.
    assert data.test_labels[:12].tolist() == [0, 3, 4, 1, 2, 7, 9, 5, 8, 7, 1, 0]
    assert int(data.test_images.astype(np.int64).sum()) == 1792841


def test_missing_and_damaged_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "find", lambda: tmp_path)
    with pytest.raises(DataError, match=rf"{digits.IMAGES_FILE} does not exist"):
        digits.load()
    (tmp_path / digits.IMAGES_FILE).write_bytes(b"nonsense")
    with pytest.raises(FileFormatError, match=rf"{digits.IMAGES_FILE} is no IDX file"):
        digits.load()


def test_the_licence_lies_beside_the_files():
    text = (digits.find() / "digits.LICENSE.md").read_text(encoding="utf-8")
    for needed in (
        "Alpaydin",
        "Kaynak",
        "10.24432/C50P49",
        "CC BY 4.0",
        "What was changed",
        digits.IMAGES_FILE,
    ):
        assert needed in text
