"""Calibration: whether a network that says 90% is right nine times out of ten."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt

import numpy as np

from deepen.arrays import Array
from deepen.errors import DeepenError
from deepen.metrics import classes_of

TOLERANCE = 0.05
"""Up to here, in shares of 1, an error changes nothing for who reads a percentage."""


@dataclass(frozen=True)
class Calibration:
    """How far confidences, the largest probability of each image, are from how often they are right.

    The images are put into bins of equal width by their confidence; bins that none fell into are left out, and the
    arrays `(B,)` of the others are the points of a reliability diagram.
    """

    confidences: Array
    """The mean confidence in each bin."""
    accuracies: Array
    """The share of each bin's images that were classified rightly."""
    counts: Array
    """How many images each bin has."""
    variances: Array
    """The variance of each bin's number of hits, if every image was right with its confidence: `Σ c (1 − c)`."""

    @property
    def count(self) -> int:
        """How many images were looked at."""
        return int(self.counts.sum())

    @property
    def confidence(self) -> float:
        """The mean confidence of all images."""
        return self._mean(self.confidences)

    @property
    def accuracy(self) -> float:
        """The share of all images that were classified rightly."""
        return self._mean(self.accuracies)

    @cached_property
    def error(self) -> float:
        """The expected calibration error, `Σ_b (n_b / N) |accuracy_b − confidence_b|`.

        Source: Guo et al., "On calibration of modern neural networks", 2017, equation 3.
        """
        return self._mean(abs(self.accuracies - self.confidences))

    @cached_property
    def chance(self) -> float:
        """The error that a perfect calibration stays below in about 39 of 40 samples of this size.

        A bin's surplus of hits is then nearly normal with its variance v, so the error has the mean
        `Σ √(2v/π) / N` and the variance `Σ v (1 − 2/π) / N²`; this is two deviations above the mean.
        """
        mean = sqrt(2 / pi) * float(np.sqrt(self.variances).sum())
        deviation = sqrt((1 - 2 / pi) * float(self.variances.sum()))
        return (mean + 2 * deviation) / self.count

    @property
    def calibrated(self) -> bool:
        """Whether the error is within the tolerance of 5 percentage points, or within what chance allows."""
        return self.error <= max(TOLERANCE, self.chance)

    def __str__(self) -> str:
        """Say it in one line, such as `says 97% on average, is right 91% of the time: too sure`."""
        says = f"says {self.confidence:.0%} on average, is right {self.accuracy:.0%} of the time"
        return f"{says}: {self._verdict}"

    @property
    def _verdict(self) -> str:
        if self.error <= TOLERANCE:
            return "well calibrated"
        if self.calibrated:
            return f"no more apart than chance allows with {self.count:,} images"
        excess = self.confidence - self.accuracy
        # The error is at least the difference of the means; far above it, the bins stray to both sides.
        if abs(excess) < self.error / 2:
            return "too sure of some, not sure enough of others"
        return "too sure" if excess > 0 else "not sure enough"

    def _mean(self, values: Array) -> float:
        return float((self.counts * values).sum() / self.count)


def calibration(probabilities: Array, labels: Array, bins: int = 15) -> Calibration:
    """Compare the largest probability of each image with whether it is at the label.

    Args:
        probabilities: `(N, K)`; the rows may add up to less than 1, where a loss leaves room for "none of these".
        labels: class numbers `(N,)` or rows `(N, K)`.
        bins: how many intervals of equal width (0, 1] is divided into.

    Raises:
        DeepenError: the outputs are no probabilities.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    if probabilities.min() < 0 or confidence.max() > 1 + 1e-6:
        raise DeepenError(
            "calibration is about probabilities, but these outputs are scores from "
            f"{probabilities.min():.3g} to {confidence.max():.3g}; train with a loss that gives probabilities, "
            'such as "cross_entropy"'
        )
    confidence = np.minimum(confidence, 1)
    right = probabilities.argmax(axis=1) == classes_of(labels)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)

    counts = np.bincount(place)
    occupied = counts > 0
    said, found, variances = (
        np.bincount(place, values)[occupied] for values in (confidence, right, confidence * (1 - confidence))
    )
    counts = counts[occupied]
    return Calibration(said / counts, found / counts, counts, variances)
