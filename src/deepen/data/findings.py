"""What is worth saying about pictures before a network is trained on them, in plain lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from deepen.data.decoding import PictureError
from deepen.data.survey import Picture
from deepen.errors import DataError
from deepen.wording import columns, counted, listed, padded, printable

MOST_UNREADABLE = 0.05
"""A larger share of unreadable files is taken for a mistake that leaving them out would hide."""

_SIZE_FACTOR = 4
_PROPORTION_FACTOR = 3


def too_many(errors: Sequence[PictureError], count: int) -> bool:
    """Return whether more than 5% of all `count` files cannot be read."""
    return len(errors) > MOST_UNREADABLE * count


def unreadable(errors: Sequence[PictureError], count: int, root: Path) -> list[str]:
    """Return a table of the files that cannot be read, sorted, as one remark; none if all can.

    Raises:
        DataError: they are more than 5% of all `count` files; it holds the table.
    """
    if not errors:
        return []
    reasons = sorted((_name(error.path, root), error.reason) for error in errors)
    width = max(columns(name) for name, _ in reasons)
    table = listed([f"{padded(name, width)}  {reason}" for name, reason in reasons], "\n  ", most=50)
    share = f"{len(errors):,} of {counted(count, 'picture')} cannot be read"
    if too_many(errors, count):
        raise DataError(f"{share}, more than {MOST_UNREADABLE:.0%}; mend or remove these files:\n  {table}")
    return [f"left out: {share}:\n  {table}"]


def copies(pictures: Sequence[Picture], root: Path) -> Iterator[str]:
    """Yield what is wrong with files of the same bytes: in two parts, in two classes, or twice in a class."""
    groups = defaultdict(list)
    for picture in pictures:
        groups[picture.content].append(picture)
    across_parts, across_classes, within = [], [], []
    for group in groups.values():
        if len(group) == 1:
            continue
        shown = listed([_name(picture.path, root) for picture in group], " = ")
        in_parts, in_classes = {picture.part for picture in group}, {picture.label for picture in group}
        if len(in_parts) > 1:
            across_parts.append(shown)
        if len(in_classes) > 1:
            across_classes.append(shown)
        if len(in_parts) == len(in_classes) == 1:
            within.append(shown)
    for problem, found in (
        ("the same picture in two parts flatters the figures; keep one of them", across_parts),
        ("the same picture in two classes is wrong in one of them", across_classes),
        ("the same picture more than once in a class counts more than once", within),
    ):
        if found:
            yield f"{problem} (found {len(found):,}): {listed(found, '; ')}"


def odd_sizes(pictures: Sequence[Picture], root: Path) -> Iterator[str]:
    """Yield which pictures are far larger, smaller or longer than the rest."""
    long, short = median(max(p.size) for p in pictures), median(min(p.size) for p in pictures)
    proportion = median(max(p.size) / min(p.size) for p in pictures)

    def odd(picture: Picture) -> bool:
        longer, shorter = max(picture.size), min(picture.size)
        return (
            longer > _SIZE_FACTOR * long
            or shorter * _SIZE_FACTOR < short
            or longer / shorter > _PROPORTION_FACTOR * proportion
        )

    found = [f"{_name(p.path, root)} ({p.size[1]}×{p.size[0]})" for p in pictures if odd(p)]
    if found:
        height, width = (median(sides) for sides in zip(*(p.size for p in pictures), strict=True))
        yield (
            f"{counted(len(found), 'picture')} of a size or shape far from the rest, whose median is "
            f"{width:g}×{height:g} pixels (width × height): {listed(found)}"
        )


def _name(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())
