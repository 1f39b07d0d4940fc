"""Drawing pictures of the training for the validation or the test: a share of each class, copies together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepen.data.scan import PARTS
from deepen.data.split import draw_without_copies
from deepen.data.survey import Picture
from deepen.wording import listed

_FROM = {"validation": "the training pictures of each class", "test": "each class"}


def draw_part(
    pictures: Sequence[Picture], classes: Sequence[str], part: str, fraction: float, seed: int
) -> tuple[list[Picture], list[str]]:
    """Move a share of each class from training to a part; a picture of two classes stays in training.

    A class without two different pictures to draw from gives none.

    Returns:
        The pictures in the order of the parts, and remarks on the draw.
    """
    labels: dict[str, set[int]] = {}
    by_class: dict[int, list[Picture]] = {}
    for picture in pictures:
        labels.setdefault(picture.content, set()).add(picture.label)
    for picture in pictures:
        if picture.part == "training" and len(labels[picture.content]) == 1:
            by_class.setdefault(picture.label, []).append(picture)
    chosen: set[Path] = set()
    lacking = []
    for label, name in enumerate(classes):
        candidates = by_class.get(label, [])
        drawn = draw_without_copies([p.content for p in candidates], fraction, seed, f"{part} {name}")
        chosen.update(candidates[number].path for number in np.flatnonzero(drawn))
        if not drawn.any():
            lacking.append(name)
    moved = [replace(picture, part=part) if picture.path in chosen else picture for picture in pictures]
    remarks = []
    if chosen:
        remarks.append(f"{100 * fraction:g}% of {_FROM[part]} were drawn for the {part}, with seed {seed}")
    if lacking:
        remarks.append(f"too few different pictures for any to be drawn for the {part}: {listed(lacking)}")
    return sorted(moved, key=lambda picture: PARTS.index(picture.part)), remarks
