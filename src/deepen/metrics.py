"""Metrics: what a network's outputs are worth, counted over whole data sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deepen.arrays import Array
from deepen.errors import UnknownNameError

Metric = Callable[[Array, Array], float]


def classes_of(labels: Array) -> Array:
    """Return class numbers `(N,)` for labels that are such numbers already, or rows `(N, K)`."""
    return labels if labels.ndim == 1 else labels.argmax(axis=1)


def hits(outputs: Array, labels: Array) -> int:
    """Return how many images have their largest output `(N, K)` at their label; the first one wins a tie."""
    return int((outputs.argmax(axis=1) == classes_of(labels)).sum())


def accuracy(outputs: Array, labels: Array) -> float:
    """Return the share of images, from 0 to 1, whose largest output is at their label."""
    return hits(outputs, labels) / len(outputs)


def confusion_matrix(outputs: Array, labels: Array) -> Array:
    """Return the counts `(K, K)`: row = label, column = prediction."""
    classes = outputs.shape[1]
    pairs = classes_of(labels) * classes + outputs.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


METRICS: dict[str, Metric] = {"accuracy": accuracy}


def check(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names if each is a metric that `compile` can take.

    Raises:
        UnknownNameError: one is not.
    """
    for name in names:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
    return names
