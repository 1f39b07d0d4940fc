"""Losses, metrics and schedules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deepen import losses, metrics, optimizers, schedules
from deepen.errors import DeepenError, UnknownNameError
from deepen.losses import SoftmaxCrossEntropy, one_hot
from harness import difference, finite_differences

LOSS = SoftmaxCrossEntropy()


def batch(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((6, 4))
    if kind == "numbers":
        return logits, rng.integers(0, 4, 6)
    rows = rng.random((6, 4))
    return logits, rows / rows.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", ["numbers", "probabilities"])
def test_cross_entropy_has_two_judges(kind: str) -> None:
    logits, targets = batch(kind)
    value, cache = LOSS.forward(logits, targets)
    gradient = LOSS.backward(cache)
    z = torch.from_numpy(logits).requires_grad_()
    theirs = LOSS.torch_forward(F, z, torch.from_numpy(targets))
    theirs.backward()
    assert value == pytest.approx(theirs.item(), rel=1e-12)
    assert difference(gradient, z.grad) < 1e-12
    assert difference(gradient, finite_differences(lambda z: LOSS.forward(z, targets)[0], logits)) < 1e-6


def test_one_hot_rows_mean_the_same_as_numbers() -> None:
    logits, targets = batch("numbers")
    rows = one_hot(targets, 4, "float64")
    assert LOSS.forward(logits, rows)[0] == LOSS.forward(logits, targets)[0]
    assert (LOSS.backward(LOSS.forward(logits, rows)[1]) == LOSS.backward(LOSS.forward(logits, targets)[1])).all()


def test_large_logits_neither_overflow_nor_vanish() -> None:
    logits, targets = np.array([[1000.0, -1000, 0], [-1e30, 1e30, 0]]), np.array([1, 1])
    with np.errstate(all="raise", under="ignore"):
        value, cache = LOSS.forward(logits, targets)
    assert value == pytest.approx(1000)
    assert np.isfinite(LOSS.backward(cache)).all()


def test_a_class_ruled_out_costs_nothing_where_it_is_not_wanted() -> None:
    value, _ = LOSS.forward(np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]]))
    assert value == 0


def test_predictions_are_probabilities() -> None:
    p = LOSS.prediction(np.array([[0.0, math.log(3)], [500, 500]]))
    assert p == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))


def test_accuracy_counts_every_image() -> None:
    outputs = np.eye(3)[[0, 1, 2, 2, 1, 0, 0]]
    labels = np.array([0, 1, 2, 0, 0, 0, 1])
    assert metrics.accuracy(outputs, labels) == pytest.approx(4 / 7)
    assert metrics.accuracy(outputs, one_hot(labels, 3, "float32")) == pytest.approx(4 / 7)
    assert metrics.confusion_matrix(outputs, labels).tolist() == [[2, 1, 1], [1, 1, 0], [0, 0, 1]]


def test_confusion_matrix_has_a_row_for_classes_that_do_not_occur() -> None:
    assert metrics.confusion_matrix(np.eye(4)[[1]], np.array([1])).shape == (4, 4)


def test_cosine_is_that_of_torch() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    for step in range(50):
        assert schedules.Cosine().factor(step, 50) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        theirs.step()


def test_constant() -> None:
    assert {schedules.Constant().factor(step, 7) for step in range(7)} == {1.0}


def test_adam_at_its_first_step_moves_by_the_rate() -> None:
    w, g = np.array([1.0, 1.0]), np.array([0.3, -20.0])
    optimizers.Adam().update(w, g, {"mean": np.zeros(2), "square": np.zeros(2)}, step=1, rate=0.1)
    assert w == pytest.approx(np.array([0.9, 1.1]), abs=1e-6)


@pytest.mark.parametrize(
    ("find", "given", "says"),
    [
        (losses.loss, "crossentropy", "did you mean 'cross_entropy'"),
        (optimizers.optimizer, "rmsprpo", "unknown optimizer 'rmsprpo'; known: adam, momentum, sgd"),
        (schedules.schedule, "cosinus", "did you mean 'cosine'"),
    ],
)
def test_unknown_names(find: object, given: str, says: str) -> None:
    with pytest.raises(UnknownNameError, match=says):
        find(given)  # type: ignore[operator]


def test_names_are_found_in_any_case() -> None:
    assert optimizers.optimizer("Adam") == optimizers.Adam()
    assert losses.loss("categorical_crossentropy") == LOSS
    chosen = optimizers.SGD(0.5)
    assert optimizers.optimizer(chosen) is chosen


def test_learning_rates_are_positive() -> None:
    with pytest.raises(DeepenError, match=r"SGD: the learning rate must be above 0, got -0\.1"):
        optimizers.SGD(-0.1)
