"""Metrics: what a network's outputs are worth, counted over whole data sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepen.arrays import Array
from deepen.errors import UnknownNameError, UsageError

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


def top_k_accuracy(outputs: Array, labels: Array, k: int = 5) -> float:
    """Return the share of images whose label is among the k largest outputs `(N, K)`; the first ones win a tie.

    With K ≤ k it is 1.

    Raises:
        UsageError: k is less than 1.
    """
    if k < 1:
        raise UsageError(f"top-k accuracy: k must be 1 or more, got {k!r}")
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    return float((best == classes_of(labels)[:, None]).any(axis=1).mean())


def confusion_matrix(outputs: Array, labels: Array) -> Array:
    """Return the counts `(K, K)`: row = label, column = prediction."""
    classes = outputs.shape[1]
    pairs = classes_of(labels) * classes + outputs.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class PerClass:
    """How well each class is told from the others: arrays `(K,)`, 0 where a quotient would be 0 / 0."""

    precision: Array
    """The share of the predictions of a class that are right."""
    recall: Array
    """The share of the images of a class that are found."""
    f1: Array
    """The harmonic mean of the two, `2 P R / (P + R)`."""
    support: Array
    """How many images each class has."""


def per_class(confusion: Array) -> PerClass:
    """Return precision, recall, F1 and support of each class from counts `(K, K)`: row = label."""
    right, support, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return PerClass(
        _quotients(right, predicted),
        _quotients(right, support),
        _quotients(2 * right, support + predicted),
        support,
    )


def _quotients(above: Array, below: Array) -> Array:
    return above / np.maximum(below, 1)


def _macro(name: str) -> Metric:
    """Return the mean of a figure over the classes that occur, as labels or as predictions."""

    def metric(outputs: Array, labels: Array) -> float:
        confusion = confusion_matrix(outputs, labels)
        occurs = (confusion + confusion.T).any(axis=1)
        values: Array = getattr(per_class(confusion), name)
        return float(values[occurs].mean())

    return metric


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "precision": _macro("precision"),
    "recall": _macro("recall"),
    "f1": _macro("f1"),
}
"""Besides, `top_K_accuracy` is top-k accuracy for that K, such as `top_5_accuracy`."""


def metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if not isinstance(name, str):
        raise UsageError(f"metrics are names, such as 'accuracy', got {name!r:.80}")
    if top := re.fullmatch(r"top_([1-9]\d*)_accuracy", name):
        return partial(top_k_accuracy, k=int(top[1]))
    if name not in METRICS:
        raise UnknownNameError("metric", name, (*METRICS, "top_5_accuracy"))
    return METRICS[name]


def checked(names: Sequence[str] | str) -> tuple[str, ...]:
    """Return the names as a tuple.

    Raises:
        UnknownNameError: one is no metric's.
    """
    found = (names,) if isinstance(names, str) else tuple(names)
    for name in found:
        metric(name)
    return found
