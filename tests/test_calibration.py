"""Whether a network that says 90% is right nine times out of ten."""

from __future__ import annotations

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.calibration import Calibration, calibration
from deepen.errors import DeepenError
from deepen.losses import one_hot

RNG = np.random.default_rng


def answers(confidence: Array, right: Array) -> tuple[Array, Array]:
    """Return probabilities of two classes, and labels, for confidences above a half and what became of them."""
    return np.stack([confidence, 1 - confidence], axis=1), np.where(right, 0, 1)


def sampled(says: Array, is_right: Array, seed: int = 0) -> Calibration:
    """Return the calibration of images that are right with one probability and say another."""
    return calibration(*answers(says, RNG(seed).random(len(says)) < is_right))


def test_error_by_hand() -> None:
    # With ten bins, 0.55 and 0.6 share the one that ends at 0.6; 0.95 and 1 share the last one.
    found = calibration(*answers(np.array([0.55, 0.6, 0.95, 1.0]), np.array([True, False, True, True])), bins=10)
    assert found.counts.tolist() == [2, 2]
    assert found.confidences == pytest.approx([0.575, 0.975])
    assert found.accuracies == pytest.approx([0.5, 1])
    assert found.error == pytest.approx(0.5 * 0.075 + 0.5 * 0.025)
    assert (found.count, found.confidence, found.accuracy) == (4, pytest.approx(0.775), pytest.approx(0.75))


def test_rows_of_labels_mean_the_same() -> None:
    probabilities, labels = answers(np.array([0.7, 0.8]), np.array([True, False]))
    by_row = calibration(probabilities, one_hot(labels, 2, "float32"))
    assert by_row.error == calibration(probabilities, labels).error == pytest.approx((0.3 + 0.8) / 2)


def test_chance_is_what_a_perfect_calibration_stays_below() -> None:
    says = 0.5 + 0.5 * RNG(1).random(500)
    found = [sampled(says, says, seed) for seed in range(400)]
    below = np.mean([each.error <= each.chance for each in found])
    assert 0.95 <= below <= 0.995


def test_few_images_can_judge_nothing() -> None:
    found = calibration(*answers(np.full(10, 0.9), np.arange(10) < 8))
    assert found.error == pytest.approx(0.1)
    assert found.calibrated
    assert str(found) == (
        "says 90% on average, is right 80% of the time: no more apart than chance allows with 10 images"
    )


@pytest.mark.parametrize(
    ("says", "is_right", "calibrated", "line"),
    [
        ([0.97], [0.97], True, "says 97% on average, is right 97% of the time: well calibrated"),
        ([0.97], [0.91], False, "says 97% on average, is right 91% of the time: too sure"),
        ([0.7], [0.9], False, "says 70% on average, is right 90% of the time: not sure enough"),
        ([0.95], [0.92], True, "says 95% on average, is right 92% of the time: well calibrated"),
        (
            [0.6, 0.9],
            [0.8, 0.7],
            False,
            "says 75% on average, is right 75% of the time: too sure of some, not sure enough of others",
        ),
    ],
)
def test_the_judgement(says: list[float], is_right: list[float], calibrated: bool, line: str) -> None:
    images = np.arange(1000)
    confidence, share = (np.array(values)[images % len(says)] for values in (says, is_right))
    found = calibration(*answers(confidence, images // len(says) < share * (len(images) // len(says))))
    assert found.calibrated == calibrated
    assert str(found) == line


def test_room_for_none_of_these_is_left() -> None:
    found = calibration(np.array([[0.2, 0.1], [0.0, 0.0]]), np.array([1, 0]))
    assert found.confidence == pytest.approx(0.1)


def test_scores_are_no_probabilities() -> None:
    with pytest.raises(DeepenError, match=r"these outputs are scores from -1 to 3; train with a loss"):
        calibration(np.array([[3.0, -1.0]]), np.array([0]))
