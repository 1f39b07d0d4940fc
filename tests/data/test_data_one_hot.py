import numpy as np
import pytest

from deepen.data import to_categorical
from deepen.errors import DataError


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_each_row_has_its_one(dtype):
    rows = to_categorical(np.array([0, 2, 1], dtype))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])


def test_the_number_of_classes_may_be_given():
    np.testing.assert_array_equal(to_categorical([1], 4), [[0, 1, 0, 0]])


def test_shapes_are_those_of_keras():
    assert to_categorical(3).shape == (4,)
    assert to_categorical([[1], [2]], 3).shape == (2, 3)
    assert to_categorical(np.zeros((2, 5), int), 3).shape == (2, 5, 3)
    assert to_categorical([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "num_classes", "message"),
    [
        ([0, -1], None, "between 0 and 0, for 1 classes, but run from -1 to 0"),
        ([0, 3], 3, "between 0 and 2, for 3 classes, but run from 0 to 3"),
        ([0.0, 1.0], None, r"must be integers, but are float64; .*labels.astype\(int\)"),
        ([True], None, "must be integers, but are bool"),
        ([], None, "give num_classes"),
    ],
)
def test_labels_that_fit_no_class_are_refused(labels, num_classes, message):
    with pytest.raises(DataError, match=message):
        to_categorical(labels, num_classes)
