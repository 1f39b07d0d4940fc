"""Metrics, and what an evaluation tells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from deepen import metrics
from deepen.arrays import Array
from deepen.errors import UnknownNameError, UsageError
from deepen.losses import one_hot
from deepen.metrics import METRICS, PerClass, accuracy, confusion_matrix, per_class, top_k_accuracy
from deepen.training.evaluation import Evaluation

# Rows = labels: a class that is found but for one, one that is mostly missed, one that does not occur.
CONFUSION = np.array([[9, 1, 0], [6, 2, 0], [0, 0, 0]])


def predictions(confusion: Array) -> tuple[Array, Array]:
    """Return outputs and labels that are counted in this way."""
    pairs = np.repeat(np.arange(confusion.size), confusion.ravel())
    return np.eye(len(confusion))[pairs % len(confusion)], pairs // len(confusion)


def test_accuracy_counts_every_image() -> None:
    outputs = np.eye(3)[[0, 1, 2, 2, 1, 0, 0]]
    labels = np.array([0, 1, 2, 0, 0, 0, 1])
    assert accuracy(outputs, labels) == pytest.approx(4 / 7)
    assert accuracy(outputs, one_hot(labels, 3, "float32")) == pytest.approx(4 / 7)
    assert confusion_matrix(outputs, labels).tolist() == [[2, 1, 1], [1, 1, 0], [0, 0, 1]]


def test_confusion_matrix_has_a_row_for_classes_that_do_not_occur() -> None:
    assert confusion_matrix(np.eye(4)[[1]], np.array([1])).shape == (4, 4)


def test_top_k_is_that_of_torch() -> None:
    rng = np.random.default_rng(0)
    outputs, labels = rng.standard_normal((200, 10)), rng.integers(0, 10, 200)
    for k in range(1, 11):
        best = torch.from_numpy(outputs).topk(k).indices.numpy()
        assert top_k_accuracy(outputs, labels, k) == np.mean(
            [y in row for y, row in zip(labels, best, strict=True)]
        )
    assert metrics.metric("top_5_accuracy")(outputs, labels) == top_k_accuracy(
        outputs, one_hot(labels, 10, float), 5
    )


@given(st.data(), arrays("float32", array_shapes(min_dims=2, max_dims=2), elements=st.sampled_from([0, 0.5, 1])))
def test_top_1_is_the_accuracy_and_top_all_is_1(data: st.DataObject, outputs: Array) -> None:
    count, classes = outputs.shape
    labels = data.draw(arrays("int64", count, elements=st.integers(0, classes - 1)))
    assert top_k_accuracy(outputs, labels, 1) == pytest.approx(accuracy(outputs, labels))
    assert top_k_accuracy(outputs, labels, classes) == top_k_accuracy(outputs, labels, classes + 3) == 1


def test_the_first_ones_win_a_tie() -> None:
    outputs = np.array([[1.0, 2.0, 1.0, 1.0]])
    assert [top_k_accuracy(outputs, np.array([label]), 2) for label in range(4)] == [1, 1, 0, 0]


def test_per_class_by_hand() -> None:
    found = per_class(CONFUSION)
    assert found.precision == pytest.approx([9 / 15, 2 / 3, 0])
    assert found.recall == pytest.approx([9 / 10, 2 / 8, 0])
    assert found.f1 == pytest.approx([18 / 25, 4 / 11, 0])
    assert found.support.tolist() == [10, 8, 0]


def test_f1_is_the_harmonic_mean() -> None:
    found = per_class(np.random.default_rng(0).integers(1, 9, (5, 5)))
    assert found.f1 == pytest.approx(2 * found.precision * found.recall / (found.precision + found.recall))


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_macro_means_leave_out_what_does_not_occur(name: str) -> None:
    outputs, labels = predictions(CONFUSION)
    assert METRICS[name](outputs, labels) == pytest.approx(getattr(per_class(CONFUSION), name)[:2].mean())
    # A class that is only predicted counts.
    outputs, labels = predictions(np.array([[2, 0, 2], [0, 4, 0], [0, 0, 0]]))
    expected = {"precision": (1 + 1 + 0) / 3, "recall": (0.5 + 1 + 0) / 3, "f1": (2 / 3 + 1 + 0) / 3}
    assert METRICS[name](outputs, labels) == pytest.approx(expected[name])


def test_names_of_metrics() -> None:
    assert metrics.metric("f1") is METRICS["f1"]
    assert metrics.metric("top_2_accuracy")(np.eye(3), np.array([1, 2, 2])) == pytest.approx(2 / 3)
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        metrics.metric("acuracy")
    with pytest.raises(UsageError, match="k must be 1 or more, got 0"):
        top_k_accuracy(np.eye(2), np.array([0, 1]), 0)


def test_an_evaluation_tells_it_all() -> None:
    outputs, labels = predictions(CONFUSION)
    found = Evaluation(0.5, {"accuracy": 11 / 18}, 18, outputs, confusion_matrix(outputs, labels), labels)
    loss, measured = found
    assert (loss, measured, found[1]) == (0.5, found.accuracy, found.accuracy)
    assert found.top_k(1) == found.accuracy
    assert found.top_k(3) == 1
    assert isinstance(found.per_class, PerClass)
    assert found.per_class.support.tolist() == [10, 8, 0]
    assert found.calibration.error == pytest.approx(7 / 18)
    assert str(found.calibration) == "says 100% on average, is right 61% of the time: too sure"
