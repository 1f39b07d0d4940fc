"""What is worth saying about pictures before a network is trained on them, in plain lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from deepen.data.decoding import PictureError
from deepen.data.survey import Picture
from deepen.data.wording import counted, listed, printable
from deepen.errors import DataError

MOST_UNREADABLE = 0.05
"""A larger share of unreadable files is taken for a mistake that leaving them out would hide."""

_SIZE_FACTOR = 4
_PROPORTION_FACTOR = 3


def unreadable(errors: Sequence[PictureError], count: int, root: Path) -> list[str]:
    """Return a table of the files that cannot be read, as one remark; none if all can.

    Raises:
        DataError: they are more than 5% of all `count` files; it holds the table.
    """
    if not errors:
        return []
    names = [_name(error.path, root) for error in errors]
    width = max(map(len, names))
    rows = [f"{name:{width}}  {error.reason}" for name, error in zip(names, errors, strict=True)]
    table = listed(rows, "\n  ", most=50)
    share = f"{len(errors):,} of {counted(count, 'picture')} cannot be read"
    if len(errors) > MOST_UNREADABLE * count:
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

    found = [f"{_name(p.path, root)} ({p.size[0]}×{p.size[1]})" for p in pictures if odd(p)]
    if found:
        yield (
            f"{counted(len(found), 'picture')} of a size or shape far from the rest, whose median is "
            f"{short:g} by {long:g} pixels: {listed(found)}"
        )


def _name(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())
