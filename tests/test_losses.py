"""Losses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from deepen import losses
from deepen.arrays import Array
from deepen.description import from_data, to_data
from deepen.errors import UnknownNameError, UsageError
from deepen.losses import (
    LeNet5Loss,
    Loss,
    MeanSquaredError,
    MultiClassHinge,
    SoftmaxCrossEntropy,
    balanced,
    one_hot,
)
from harness import difference, finite_differences

LOSS = SoftmaxCrossEntropy()
WEIGHTS = (1.0, 2.5, 0.0, 0.5)
CASES = {
    "cross-entropy": LOSS,
    "smoothed": SoftmaxCrossEntropy(label_smoothing=0.1),
    "weighted": SoftmaxCrossEntropy(class_weights=WEIGHTS),
    "smoothed and weighted": SoftmaxCrossEntropy(0.3, WEIGHTS),
    "mean squared error": MeanSquaredError(),
    "hinge": MultiClassHinge(),
    "hinge with a wide margin": MultiClassHinge(2.5),
    "LeNet-5": LeNet5Loss(j=2.0),
}
each_loss = pytest.mark.parametrize("loss", CASES.values(), ids=CASES.keys())


def batch(kind: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    outputs, numbers = 3 * rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    mixed = rng.random((6, 4))
    return outputs, {
        "numbers": numbers,
        "one-hot": one_hot(numbers, 4, "float64"),
        "two classes": 0.3 * one_hot(numbers, 4, "float64") + 0.7 * one_hot((numbers + 1) % 4, 4, "float64"),
        "probabilities": mixed / mixed.sum(axis=1, keepdims=True),
    }[kind]


@each_loss
@pytest.mark.parametrize("kind", ["numbers", "one-hot", "two classes", "probabilities"])
def test_every_loss_has_two_judges(loss: Loss, kind: str) -> None:
    outputs, targets = batch(kind)
    value, cache = loss.forward(outputs, targets)
    gradient = loss.backward(cache)
    z = torch.from_numpy(outputs).requires_grad_()
    theirs = loss.torch_forward(F, z, torch.from_numpy(targets))
    theirs.backward()
    assert value == pytest.approx(theirs.item(), rel=1e-12)
    assert difference(gradient, z.grad) < 1e-12
    assert difference(gradient, finite_differences(lambda z: loss.forward(z, targets)[0], outputs.copy())) < 1e-6


@each_loss
def test_one_hot_rows_mean_the_same_as_numbers(loss: Loss) -> None:
    outputs, numbers = batch("numbers")
    by_number, by_row = (loss.forward(outputs, targets) for targets in (numbers, batch("one-hot")[1]))
    assert by_number[0] == by_row[0]
    assert (loss.backward(by_number[1]) == loss.backward(by_row[1])).all()


@each_loss
@pytest.mark.parametrize("kind", ["numbers", "probabilities"])
def test_float32_stays_float32_and_nothing_is_overwritten(loss: Loss, kind: str) -> None:
    outputs, targets = (array.copy() for array in batch(kind))
    outputs = outputs.astype("float32")
    value, cache = loss.forward(outputs, targets)
    assert type(value) is float
    assert loss.backward(cache).dtype == loss.prediction(outputs).dtype == np.float32
    assert (outputs == batch(kind)[0].astype("float32")).all()
    assert (targets == batch(kind)[1]).all()


@each_loss
@pytest.mark.parametrize("kind", ["numbers", "probabilities"])
def test_the_torch_pass_stays_on_the_device(loss: Loss, kind: str) -> None:
    # A meta tensor has no values: what looks at one, or meets a constant of the CPU, fails.
    outputs, targets = (torch.from_numpy(array).to("meta") for array in batch(kind))
    value = loss.torch_forward(F, outputs, targets)
    assert (value.shape, value.device.type) == ((), "meta")


def test_class_weights_are_brought_to_the_device_once() -> None:
    outputs, targets = map(torch.from_numpy, batch("numbers"))
    before = losses._torch_weights.cache_info()
    for _ in range(3):
        SoftmaxCrossEntropy(class_weights=(7.0, 1.0, 2.0, 3.0)).torch_forward(F, outputs, targets)
    after = losses._torch_weights.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


def test_the_hinge_counts_no_class_without_a_share() -> None:
    outputs, targets = np.array([[0.0, 0.5, -np.inf]]), np.array([[0.25, 0.75, 0.0]])
    value, _ = MultiClassHinge().forward(outputs, targets)
    z = torch.from_numpy(outputs).requires_grad_()
    theirs = MultiClassHinge().torch_forward(F, z, torch.from_numpy(targets))
    theirs.backward()
    assert value == theirs.item() == pytest.approx(0.25 * 1.5 + 0.75 * 0.5)
    assert np.isfinite(z.grad.numpy()).all()


@each_loss
def test_json_there_and_back(loss: Loss) -> None:
    assert from_data(json.loads(json.dumps(to_data(loss))), Loss) == loss


@pytest.mark.parametrize("loss", [LOSS, SoftmaxCrossEntropy(0.1), LeNet5Loss()])
def test_large_logits_neither_overflow_nor_vanish(loss: Loss) -> None:
    logits, targets = np.array([[1000.0, -1000, 0], [-1e30, 1e30, 0]]), np.array([1, 1])
    with np.errstate(all="raise", under="ignore"):
        value, cache = loss.forward(logits, targets)
        assert np.isfinite(value)
        assert np.isfinite(loss.backward(cache)).all()
        assert np.isfinite(loss.prediction(logits)).all()


def test_a_class_ruled_out_costs_nothing_where_it_is_not_wanted() -> None:
    value, _ = LOSS.forward(np.array([[0.0, -np.inf]]), np.array([[1.0, 0.0]]))
    assert value == 0


def test_predictions_of_the_cross_entropy_are_probabilities() -> None:
    p = LOSS.prediction(np.array([[0.0, math.log(3)], [500, 500]]))
    assert p == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))


def test_smoothing_mixes_the_targets_with_equal_shares() -> None:
    outputs, numbers = batch("numbers")
    rows = 0.8 * one_hot(numbers, 4, "float64") + 0.05
    assert SoftmaxCrossEntropy(0.2).forward(outputs, numbers)[0] == pytest.approx(LOSS.forward(outputs, rows)[0])


def test_the_mean_of_weighted_losses_divides_by_the_number_of_images() -> None:
    outputs, numbers = batch("numbers")
    total = F.cross_entropy(
        torch.from_numpy(outputs), torch.from_numpy(numbers), torch.tensor(WEIGHTS).double(), reduction="sum"
    )
    value, _ = SoftmaxCrossEntropy(class_weights=WEIGHTS).forward(outputs, numbers)
    assert value == pytest.approx(total.item() / len(numbers))


def test_mean_squared_error_is_a_mean_over_all_entries() -> None:
    value, _ = MeanSquaredError().forward(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1]))
    assert value == (0.25 + 0.25) / 4


def test_hinge_of_a_published_example() -> None:
    """The three images of CS231n's lecture 3: losses 2.9, 0 and 12.9."""
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    each = [MultiClassHinge().forward(scores[i : i + 1], np.array([i]))[0] for i in range(3)]
    assert each == pytest.approx([2.9, 0, 12.9])
    assert MultiClassHinge().forward(scores, np.arange(3))[0] == pytest.approx(15.8 / 3)


def test_hinge_has_no_gradient_where_the_margin_is_just_kept() -> None:
    scores, label = np.array([[2.0, 1.0, 1.5]]), np.array([0])
    loss = MultiClassHinge(margin=1.0)
    gradient = loss.backward(loss.forward(scores, label)[1])
    assert gradient.tolist() == [[-1, 0, 1]]
    z = torch.from_numpy(scores).requires_grad_()
    loss.torch_forward(F, z, torch.from_numpy(label)).backward()
    assert (gradient == z.grad.numpy()).all()


def test_lenet5_loss_is_the_papers_equation() -> None:
    distances, labels, j = np.array([[0.5, 3.0, 9.0], [4.0, 1.0, 2.0]]), np.array([0, 2]), 1.5
    competing = np.log(np.exp(-j) + np.exp(-distances).sum(axis=1))
    expected = (distances[[0, 1], labels] + competing).mean()
    assert LeNet5Loss(j).forward(-distances, labels)[0] == pytest.approx(expected)


def test_what_lenet5s_probabilities_lack_to_1_is_none_of_these() -> None:
    j = 2.0
    p = LeNet5Loss(j).prediction(np.array([[-j, -1e4, -1e4], [-500.0, -500, -500], [0, -1e4, -1e4]]))
    assert p.sum(axis=1) == pytest.approx([0.5, 0, 1 / (1 + math.exp(-j))])
    assert p[0] == pytest.approx([0.5, 0, 0])


def test_only_a_loss_that_takes_the_outputs_as_they_are_keeps_the_softmax() -> None:
    assert [type(loss) for loss in CASES.values() if not loss.on_logits] == [MeanSquaredError]


def test_the_number_of_class_weights_has_to_fit() -> None:
    loss, outputs, labels = SoftmaxCrossEntropy(class_weights=WEIGHTS), np.zeros((2, 3)), np.array([0, 1])
    with pytest.raises(UsageError, match="one class weight for each of the 3 classes, got 4"):
        loss.forward(outputs, labels)
    with pytest.raises(UsageError, match="one class weight for each of the 3 classes, got 4"):
        loss.torch_forward(F, torch.from_numpy(outputs), torch.from_numpy(labels))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SoftmaxCrossEntropy(1), "label smoothing must be from 0 up to, not including, 1, got 1"),
        (lambda: SoftmaxCrossEntropy("much"), "label smoothing must be a number, got 'much'"),  # type: ignore[arg-type]
        (lambda: SoftmaxCrossEntropy(class_weights=(1, -2)), r"0 or more, one for each class.* got \(1, -2\)"),
        (lambda: SoftmaxCrossEntropy(class_weights=(0, 0)), r"not all 0, got \(0, 0\)"),
        (lambda: SoftmaxCrossEntropy(class_weights=(1, math.nan)), r"got \(1, nan\)"),
        (lambda: SoftmaxCrossEntropy(class_weights=2.0), "one for each class"),  # type: ignore[arg-type]
        (lambda: MultiClassHinge(0), r"MultiClassHinge: the margin must be above 0, got 0"),
        (lambda: LeNet5Loss(-1), r"LeNet5Loss: the j must be above 0, got -1"),
    ],
)
def test_settings_out_of_range_are_errors(make: Callable[[], Loss], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


def test_numpy_settings_become_plain_numbers() -> None:
    loss = SoftmaxCrossEntropy(np.float64(0.5), np.array([1.0, 2.0]))  # type: ignore[arg-type]
    assert loss == SoftmaxCrossEntropy(0.5, (1.0, 2.0))
    assert {type(number) for number in (loss.label_smoothing, *loss.class_weights)} == {float}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cross_entropy", LOSS),
        ("sparse_categorical_crossentropy", LOSS),
        ("MSE", MeanSquaredError()),
        ("mean_squared_error", MeanSquaredError()),
        ("hinge", MultiClassHinge()),
        ("lenet5", LeNet5Loss()),
    ],
)
def test_losses_by_name(name: str, expected: Loss) -> None:
    assert losses.loss(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cross_entropy label_smoothing=0.1", SoftmaxCrossEntropy(0.1)),
        ("cross_entropy=0.1 class_weights=1,2.5,0,0.5", SoftmaxCrossEntropy(0.1, WEIGHTS)),
        ("hinge=2.5", MultiClassHinge(2.5)),
        ("lenet5 j=2", LeNet5Loss(2)),
    ],
)
def test_losses_as_text(text: str, expected: Loss) -> None:
    assert losses.loss(text) == expected


def test_fields_that_a_loss_does_not_have() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'label_smoothing'"):
        losses.loss("cross_entropy smoothing=0.1")
    with pytest.raises(UnknownNameError, match="field of the loss mse: 'margin'; it has no fields"):
        losses.loss("mse margin=1")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_balanced_classes_weigh_the_same_together(numbers: list[int]) -> None:
    labels = np.array(numbers)
    loss = balanced(SoftmaxCrossEntropy(0.1), labels, 4)
    assert isinstance(loss, SoftmaxCrossEntropy)
    assert loss.label_smoothing == 0.1
    weights = np.array(loss.class_weights)
    together = np.bincount(labels, weights[labels], 4)
    assert together == pytest.approx(len(labels) / 4 * (np.bincount(labels, minlength=4) > 0))


def test_classes_that_are_balanced_already_weigh_1() -> None:
    assert balanced(LOSS, np.array([2, 0, 1, 1, 2, 0]), 3) == SoftmaxCrossEntropy(class_weights=(1, 1, 1))


def test_only_the_cross_entropy_can_be_balanced() -> None:
    with pytest.raises(UsageError, match="class weights belong to the cross-entropy, not to MultiClassHinge"):
        balanced(MultiClassHinge(), np.array([0, 1]), 2)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cross_entropy'"):
        losses.loss("crossentropy")
