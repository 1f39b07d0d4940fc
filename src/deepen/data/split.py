"""Dividing examples into two parts: both with the same mix of classes, or with all copies on one side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepen.arrays import Array
from deepen.errors import DataError
from deepen.randomness import permutation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def stratified_split(labels: ArrayLike, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return the int64 indices of the rest and of the part, `(rest, part)`; who belongs to which is drawn.

    The part has exactly `round(N * fraction)` examples. Each class gives its share, rounded down; the
    examples that are then lacking come from the classes with the largest remainders, lower labels first.
    Both arrays are in ascending order, as the examples stood: training shuffles every epoch anyway.

    Args:
        labels: integers `(N,)`.
        fraction: the share of the part, between 0 and 1.
        seed: the same seed gives the same split, whatever was drawn before.

    Raises:
        DataError: the labels are no integers `(N,)`, or the fraction leaves one of the two empty.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"a split needs integer labels (N,), but they are {labels.shape} of type {labels.dtype}")
    if not 0 < fraction < 1:
        raise DataError(f"the fraction to split off must lie between 0 and 1, but is {fraction}")
    part_size = round(len(labels) * fraction)
    if not 0 < part_size < len(labels):
        raise DataError(
            f"splitting {fraction} off {len(labels)} examples gives {len(labels) - part_size} and "
            f"{part_size}, but neither may be empty; choose another fraction, or bring more examples"
        )
    _, class_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    shares = _largest_remainders(sizes, part_size)
    # Examples in random order, then grouped by class: the first of each group, as its share says, are drawn.
    shuffled = permutation(seed, "split", len(labels))
    grouped = shuffled[np.argsort(class_of[shuffled], kind="stable")]
    place_in_class = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = place_in_class < np.repeat(shares, sizes)
    return np.sort(grouped[~drawn]), np.sort(grouped[drawn])


def _largest_remainders(sizes: Array, total: int) -> Array:
    """Return how many of each class are drawn, `total` in all; in integers, so that nothing rounds twice."""
    shares, remainders = np.divmod(sizes * total, sizes.sum())
    lacking = total - shares.sum()
    shares[np.argsort(-remainders, kind="stable")[:lacking]] += 1
    return shares


def draw_without_copies(contents: Sequence[str], fraction: float, seed: int, purpose: str) -> Array:
    """Return which examples of a class are drawn for a part, bool `(N,)`; all copies are drawn, or none.

    About `N * fraction` are drawn, but at least one and never all, unless all are copies of one another: then
    none is.

    Args:
        contents: what tells examples apart; equal ones are copies.
        fraction: the share of the part, between 0 and 1.
        seed: the same seed gives the same examples, whatever was drawn before.
        purpose: names the draw, as the class does, so that other classes change nothing in this one.
    """
    copies: dict[str, list[int]] = {}
    for number, content in enumerate(contents):
        copies.setdefault(content, []).append(number)
    groups = list(copies.values())
    drawn = np.zeros(len(contents), bool)
    if len(groups) < 2:
        return drawn
    lacking = min(max(round(len(contents) * fraction), 1), len(contents) - 1)
    for place in permutation(seed, purpose, len(groups)):
        if len(groups[place]) <= lacking:
            drawn[groups[place]] = True
            lacking -= len(groups[place])
    if not drawn.any():
        drawn[min(groups, key=len)] = True
    return drawn
