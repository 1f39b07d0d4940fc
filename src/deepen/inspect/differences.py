"""Central finite differences, which know when they stand at a kink, and how far two arrays are apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from deepen.arrays import Array

STEPS = (1e-5, 1e-6, 1e-7, 1e-8)
"""Tried in this order until the function looks straight over twice the step."""

STRAIGHT = 1e-6
"""How far from straight it may be, relative to the slopes that are expected."""

AGREE = 1e-5
"""How far a gradient may be from its finite differences."""

TRIES = 5
"""How many random directions are tried before all of them are taken to lead over kinks."""


def largest(array: Array) -> float:
    """Return the largest absolute value among the finite ones, 0 where there is none."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def furthest(a: Array, b: Array, floor: float) -> tuple[float, int]:
    """Return the largest difference, relative to the largest number or `floor`, and its place in flat order.

    What is not finite is infinitely far from anything.
    """
    if a.size == 0:
        return 0.0, 0
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b).ravel()
    apart[~np.isfinite(apart)] = np.inf
    place = int(apart.argmax())
    return float(apart[place]) / max(floor, largest(a), largest(b), 1e-300), place


@dataclass
class Slopes:
    """The derivatives of an objective with respect to one array, by `Σ (f(x + h) − f(x − h)) / 2h`.

    Where f bends within h, as ReLU does at 0, both sides differ from each other: smaller steps are tried, and
    then the place is given up. A gradient beside a kink cannot be told from finite differences.
    """

    terms: Callable[[], Array]
    """Computes the terms of the objective from the array as it is."""
    at: Array
    scale: float
    """How large a slope counts as large here."""
    _entries: dict[int, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._middle = self.terms()
        self._flat = self.at.reshape(-1)

    def entry(self, place: int) -> float | None:
        """Return the derivative with respect to one entry, None at a kink."""
        if place not in self._entries:
            self._entries[place] = self.along(np.array([place]), np.ones(1), self.scale)
        return self._entries[place]

    def along(self, places: Array, direction: Array, scale: float) -> float | None:
        """Return the derivative when the entries at `places` move along a direction, None at a kink."""
        for step in STEPS:
            above, below = (self._moved(places, sign * step * direction) for sign in (1, -1))
            slope = float((above - below).sum()) / (2 * step)
            bend = float(np.linalg.norm(above - 2 * self._middle + below)) / (2 * step)
            if bend <= STRAIGHT * max(abs(slope), scale):
                return slope
        return None

    def _moved(self, places: Array, by: Array) -> Array:
        kept = self._flat[places]
        self._flat[places] = kept + by
        try:
            return self.terms()
        finally:
            self._flat[places] = kept


def worst_entry(gradient: Array, slopes: Slopes, entries: int, seed: int) -> tuple[float, int | None]:
    """Compare a gradient with finite differences; return the largest relative difference and its place.

    A small array is compared entry by entry. Of a larger one `entries` are drawn, and all together are compared
    along one random direction; where that does not fit, halving the array finds the entry. The place is None
    where there are kinks everywhere.
    """
    rng = np.random.default_rng(seed)
    g = gradient.ravel()
    sampled = np.arange(g.size) if g.size <= entries else np.sort(rng.choice(g.size, entries, replace=False))
    apart = {int(place): off for place in sampled if (off := _entry_apart(g, slopes, int(place))) is not None}
    if g.size > entries and max(apart.values(), default=0.0) <= AGREE:
        everything = np.arange(g.size)
        off = _apart_along(g, slopes, everything, rng)
        if off > AGREE:
            place = _halve(g, slopes, everything, rng)
            apart[place] = max(off, _entry_apart(g, slopes, place) or 0.0)
    if not apart:
        return (np.inf, None) if g.size else (0.0, 0)
    place = max(apart, key=lambda each: apart[each])
    return apart[place], place


def _entry_apart(g: Array, slopes: Slopes, place: int) -> float | None:
    slope = slopes.entry(place)
    if slope is None:
        return None
    off = abs(float(g[place]) - slope) / max(slopes.scale, abs(slope), 1e-300)
    return off if np.isfinite(off) else np.inf


def _apart_along(g: Array, slopes: Slopes, places: Array, rng: np.random.Generator) -> float:
    """Return the difference along a random direction, relative to how steep a direction may be; 0 over kinks."""
    part = g[places]
    scale = max(float(np.linalg.norm(part)), slopes.scale)
    for _ in range(TRIES):
        direction = rng.choice((-1.0, 1.0), len(places))
        slope = slopes.along(places, direction, scale)
        if slope is not None:
            return abs(float(part @ direction) - slope) / max(scale, 1e-300)
    return 0.0


def _halve(g: Array, slopes: Slopes, places: Array, rng: np.random.Generator) -> int:
    """Return the place of an entry that makes the difference."""
    while len(places) > 1:
        halves = np.array_split(places, 2)
        places = max(halves, key=lambda half: _apart_along(g, slopes, half, rng))
    return int(places[0])
